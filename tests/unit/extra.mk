# Guest objects that unit tests of guest code link (host objects are always linked).
UNIT_EXTRA_cfi := $B/guest/unwind/cfi.o $B/guest/elf/eh.o
UNIT_EXTRA_eh := $B/guest/elf/eh.o
UNIT_EXTRA_peek := $B/guest/walk/peek.o
UNIT_EXTRA_dynsym := $B/guest/elf/dynsym.o
UNIT_EXTRA_writer := $B/guest/store/writer.o $B/guest/store/shadow.o $B/guest/store/nodes.o $B/guest/store/maps.o
UNIT_EXTRA_capture := $B/guest/unwind/capture.o $B/guest/unwind/cfi.o $B/guest/elf/eh.o
UNIT_EXTRA_clr_json := $B/guest/walk/clr_json.o
UNIT_EXTRA_clr_array := $B/guest/walk/clr_array.o
UNIT_EXTRA_clr_unwind := $B/guest/walk/clr_unwind.o $B/guest/walk/peek.o
