# The layers of leakline, lowest first, and the only place where they stand.
# A module may include headers of itself and of what stands before it in its
# row; host modules may also include the shared ones.  `make lint` checks it.
GUEST_LAYERS  := base abi elf unwind walk store agent
HOST_LAYERS   := util process symbol runtime leak trace report cli
SHARED_LAYERS := base abi elf unwind
