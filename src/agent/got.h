/*
 * Allocation functions that cannot be interposed by name.  C++'s operator new and
 * the private names of allocators (mallocx, mi_malloc, tc_malloc) are hooked only
 * where the library that the program's malloc comes from defines them itself:
 * everybody else's operator new calls malloc, which we see anyway, and a program
 * that asks whether mallocx exists must get the answer it would get without us.
 * So nothing is exported for them; the slots through which modules call them are
 * rewritten, once per module.
 */
#ifndef LK_AGENT_GOT_H
#define LK_AGENT_GOT_H

/* Looks which of them the allocator has, and patches every module loaded by now. */
void lk_got_start(void);

/* Patches modules that were loaded since; cheap where none was. */
void lk_got_update(void);

#endif
