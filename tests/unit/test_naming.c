#include "leak/naming.h"
#include "tap.h"

#include <string.h>

static void is(const char *name, const char *want)
{
	char out[LK_NAME_MAX];

	lk_name_normalise(name, out, sizeof(out));
	tap_ok(!strcmp(out, want), "'%s' is normalised to '%s' (got '%s')", name, want, out);
}

static void test_suffixes(void)
{
	is("main.cold", "main");
	is("f.constprop.0.isra.3", "f");
	is("f.part.12", "f");
	is("ns::f(char) [clone .isra.0]", "ns::f");
	is("malloc@@GLIBC_2.2.5", "malloc");
	is("Program.Main(System.String[])[Tier0]", "Program.Main");
	is("alloc::vec::Vec<T>::push::h0123456789abcdef", "alloc::vec::Vec::push");
	is(".cold", ".cold");
	is("Program.coldStart(int)", "Program.coldStart");
	is("f.coldly.cold.3", "f.coldly");
}

static void test_arguments(void)
{
	is("void ns::f<int>(char) const", "ns::f");
	is("std::vector<int, std::allocator<int> >::push_back(int&&)", "std::vector::push_back");
	is("(anonymous namespace)::g(int)", "(anonymous namespace)::g");
	is("a::(anonymous namespace)::g(int)", "a::(anonymous namespace)::g");
	is("main::{lambda(int)#1}::operator()(int) const", "main::{lambda#1}::operator()");
	is("foo(void (*)(int))::bar(int)", "foo::bar");
	is("Program:Main (string[])", "Program:Main");
	is("List`1<int>:Add (T)", "List`1:Add");
	is("Program/<>c:<Main>b__0_0 ()", "Program/<>c:<Main>b__0_0");
	is("(wrapper managed-to-native) T:api (string&)", "(wrapper managed-to-native) T:api");
	is("Shapes.Box<T>+Lid<U>.Close<V>(T, U, V, System.Collections.Generic.List<V[]>)",
		"Shapes.Box+Lid.Close");
	is("Program.Main.lambda0(string)", "Program.Main.lambda0");
	is("C.System.Collections.Generic.IEnumerable<T>.GetEnumerator()",
		"C.System.Collections.Generic.IEnumerable.GetEnumerator");
	is("Program..ctor(int)", "Program..ctor");
	is("<PrivateImplementationDetails>.Hash(string)", "<PrivateImplementationDetails>.Hash");
	is("(wrapper IL_STUB_PInvoke) Native.SayHello(string&)",
		"(wrapper IL_STUB_PInvoke) Native.SayHello");
	is("(wrapper IL_STUB_PInvoke)", "(wrapper IL_STUB_PInvoke)");
	is("(dynamic) Compiled", "(dynamic) Compiled");
	is("client.dll!0x06000012", "client.dll!0x06000012");
	is("java.util.ArrayList.<init>", "java.util.ArrayList.<init>");
	is("<module>", "<module>");
	is("<T as Tr>::f", "<T as Tr>::f");
}

static void test_operators(void)
{
	is("operator new(unsigned long)", "operator new");
	is("operator new[](unsigned long)", "operator new[]");
	is("A::operator()(int) const", "A::operator()");
	is("bool operator< <int>(X const&)", "operator<");
	is("std::ostream& operator<< <char>(std::ostream&, char const*)", "operator<<");
	is("A::operator->() const", "A::operator->");
}

static void test_odd_input(void)
{
	static const char *const odd[] = {"", "(", "<", "x<", "f(((", "a<b<c", ">>>", "(wrapper ",
		"(wrapper x)", "operator", " ", "::", "a ) b"};
	char out[LK_NAME_MAX], small[4], *huge = malloc(100000);
	bool fits = true;

	for (size_t i = 0; i < LK_ARRAY_SIZE(odd); i++) {
		lk_name_normalise(odd[i], out, sizeof(out));
		lk_name_normalise(odd[i], small, sizeof(small));
		fits &= strlen(out) <= strlen(odd[i]) && strlen(small) < sizeof(small);
	}
	tap_ok(fits, "an odd name gives a name that is no longer");
	memset(huge, 'x', 99999);
	huge[99999] = '\0';
	lk_name_normalise(huge, out, sizeof(out));
	tap_ok(strlen(out) == LK_NAME_MAX - 1, "a name that is too long is cut");
	lk_name_normalise("(wrapper managed-to-native) T:api ()", small, sizeof(small));
	tap_ok(strlen(small) < sizeof(small), "a tag that does not fit is cut");
	free(huge);
}

static void test_globs(void)
{
	tap_ok(lk_glob("Sys*AllocString*", "SysReAllocStringLen"),
		"stars match runs inside a name");
	tap_ok(!lk_glob("Sys*AllocString", "SysAllocStringLen"), "a pattern must reach the end");
	tap_ok(lk_glob("*Marshal?AllocBSTR*", "System.Marshal:AllocBSTR"),
		"'?' matches one character");
	tap_ok(!lk_glob("f?", "f"), "'?' does not match nothing");
	tap_ok(lk_glob("*", "") && lk_glob("", "") && !lk_glob("", "x"),
		"empty texts are judged right");
	tap_ok(lk_glob("a*b*c", "aXbYbZc"), "a star gives back what it took too much");
}

static void test_base_names(void)
{
	tap_ok(!strcmp(lk_base_name("/a/b.so"), "b.so"), "the base name follows the last slash");
	tap_ok(!strcmp(lk_base_name("C:\\src\\P.cs"), "P.cs"), "backslashes part folders too");
	tap_ok(!strcmp(lk_base_name("x"), "x"), "a name without a folder is its own base name");
	tap_ok(lk_hash_text(LK_HASH_START, "ab") != lk_hash_text(LK_HASH_START, "ba"),
		"different texts have different hashes");
	tap_ok(lk_hash_text(lk_hash_text(LK_HASH_START, "a"), "bc") !=
			lk_hash_text(lk_hash_text(LK_HASH_START, "ab"), "c"),
		"where one text ends and the next begins is part of the hash");
}

int main(void)
{
	test_suffixes();
	test_arguments();
	test_operators();
	test_odd_input();
	test_globs();
	test_base_names();
	return tap_done();
}
