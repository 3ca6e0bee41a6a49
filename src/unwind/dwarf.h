/* Numbers of DWARF's call frame instructions and expressions (DWARF 5, 7.24 and 7.7.1). */
#ifndef LK_UNWIND_DWARF_H
#define LK_UNWIND_DWARF_H

/* DW_CFA_*: three with an operand in the low six bits, the rest plain bytes. */
#define CFA_HIGH	    0xc0
#define CFA_LOW		    0x3f
#define CFA_ADVANCE	    0x40
#define CFA_OFFSET	    0x80
#define CFA_RESTORE	    0xc0
#define CFA_NOP		    0x00
#define CFA_SET_LOC	    0x01
#define CFA_ADVANCE1	    0x02
#define CFA_ADVANCE2	    0x03
#define CFA_ADVANCE4	    0x04
#define CFA_OFFSET_EXT	    0x05
#define CFA_RESTORE_EXT	    0x06
#define CFA_UNDEFINED	    0x07
#define CFA_SAME_VALUE	    0x08
#define CFA_REGISTER	    0x09
#define CFA_REMEMBER	    0x0a
#define CFA_RESTORE_STATE   0x0b
#define CFA_DEF		    0x0c
#define CFA_DEF_REGISTER    0x0d
#define CFA_DEF_OFFSET	    0x0e
#define CFA_DEF_EXPR	    0x0f
#define CFA_EXPR	    0x10
#define CFA_OFFSET_EXT_SF   0x11
#define CFA_DEF_SF	    0x12
#define CFA_DEF_OFFSET_SF   0x13
#define CFA_VAL_OFFSET	    0x14
#define CFA_VAL_OFFSET_SF   0x15
#define CFA_VAL_EXPR	    0x16
#define CFA_MONO_EPILOG	    0x1c /* Mono: DW_CFA_lo_user, "advance to the epilogue" */
#define CFA_MIPS_ADVANCE8   0x1d
#define CFA_GNU_WINDOW_SAVE 0x2d /* on aarch64 it toggles return address signing */
#define CFA_GNU_ARGS_SIZE   0x2e
#define CFA_GNU_NEG_OFFSET  0x2f

/* DW_OP_* of the expressions that compilers and linkers write. */
#define OP_DEREF     0x06
#define OP_AND	     0x1a
#define OP_PLUS	     0x22
#define OP_SHL	     0x24
#define OP_GE	     0x2a
#define OP_LIT0	     0x30
#define OP_BREG0     0x70
#define OP_BREG(reg) (OP_BREG0 + (reg))

#endif
