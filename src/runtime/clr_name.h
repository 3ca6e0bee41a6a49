/*
 * Methods in the words of those who wrote them.  Compilers take a method apart (async,
 * iterators, lambdas, local functions) and invent names for the pieces; this puts them back
 * under the name in the source:
 *
 *   Program+<Load>d__3.MoveNext			Program.Load(string)
 *   Program+<>c.<Main>b__0_1				Program.Main.lambda1(int)
 *   Program+<>c__DisplayClass2_0.<Main>b__1		Program.Main.lambda1(int)
 *   Program.<Main>g__Local|0_0				Program.Main.Local(int)
 *   Program.<Main>$, Program.<Main>			Program.Main(string[])
 *   <Client>F0123..__Stub.Call				Stub.Call()
 *   <Client>F0123..__Stub.global::ICom.Call		ICom.Call()
 *   Module+VB$StateMachine_3_Load.MoveNext		Module.Load(string)
 *   Module+_Closure$__._Lambda$__2-0			Module.lambda2-0(int)
 *
 * The number of a lambda is the compiler's: its place in the method, from 0.  Parameters
 * are those of the user's method, or of the lambda or local function itself.  A generic
 * method is "Method<T>", a generic type "Type<T>", a nested one "Outer+Inner".
 * lk_name_normalise strips parameters and generics and leaves the rest as it is.
 */
#ifndef LK_RUNTIME_CLR_NAME_H
#define LK_RUNTIME_CLR_NAME_H

#include "runtime/metadata.h"
#include "runtime/name_text.h"

/*
 * The row of the method that the one at row was made from, where it is the body of an
 * async method or iterator; 0 else.  What a PDB says of it is surer.
 */
uint32_t lk_clr_kickoff(const struct lk_metadata *md, uint32_t row);

/* Writes the name of the method at row, which was made from that at kickoff, or 0. */
void lk_clr_method_name(
	const struct lk_metadata *md, uint32_t row, uint32_t kickoff, struct lk_name_text *text);

/* Whose work a method is. */
enum lk_clr_author {
	LK_CLR_BY_USER,
	LK_CLR_BY_TYPE,	     /* its type, or one around it, says it is generated code */
	LK_CLR_BY_GENERATOR, /* it says so itself, or the compiler made it of nothing */
	LK_CLR_BY_RUNTIME,   /* a P/Invoke: what runs under its name is a stub */
};

enum lk_clr_author lk_clr_method_author(const struct lk_metadata *md, uint32_t row);

/* A source file that a generator wrote, by its name. */
bool lk_clr_is_generated_file(const char *file);

#endif
