#!/bin/sh
# Builds clr.dll (portable PDB), clr-r2r.dll (optimised, compiled ahead of time) and
# clr-com.dll (embedded PDB, source-generated interop) and clr-vb.dll, and records what the runtime says
# of the frames of the first two, in code of the JIT and in precompiled code.  The results are committed: the tests need no .NET.
# Usage: clr.sh, in this folder; SDK=, REF=, FRAMEWORK= and CROSSGEN= are folders of the
# .NET SDK, its reference assemblies, the shared framework, and the tools of the NuGet
# package microsoft.netcore.app.crossgen2.linux-x64, which
# `dotnet publish -r linux-x64 -p:PublishReadyToRun=true` of any project brings.
set -e
newest() { ls -d "$@" | sort -V | tail -n 1; }
dotnet=/usr/share/dotnet
sdk=${SDK:-$(newest $dotnet/sdk/*)}
ref=${REF:-$(newest $dotnet/packs/Microsoft.NETCore.App.Ref/*/ref/*)}
framework=${FRAMEWORK:-$(newest $dotnet/shared/Microsoft.NETCore.App/*)}
crossgen=${CROSSGEN:-$(newest ~/.nuget/packages/microsoft.netcore.app.crossgen2.linux-x64/*/tools)}
analyzers=${ref%/ref/*}/analyzers/dotnet/cs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# csc NAME SOURCE... -- OPTION...
csc() {
	sources=
	name=$1
	shift
	while [ "$1" != -- ]; do
		sources="$sources $1"
		shift
	done
	shift
	refs=
	for r in Runtime Console Collections Linq Memory Runtime.InteropServices \
		Diagnostics.StackTrace; do
		refs="$refs -r:$ref/System.$r.dll"
	done
	for a in LibraryImportGenerator ComInterfaceGenerator SourceGeneration; do
		refs="$refs -analyzer:$analyzers/Microsoft.Interop.$a.dll"
	done
	dotnet "$sdk/Roslyn/bincore/csc.dll" -nologo -unsafe -deterministic -warn:0 \
		-pathmap:"$PWD"=/src,"$work"=/work $refs "$@" -out:"$work/$name.dll" $sources
}

# record NAME RECORD VARIABLE=VALUE...: every method is compiled once, so its name tells
# where its code is.
record() {
	echo '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}}' \
		>"$work/$1.runtimeconfig.json"
	cp "$work/$1.dll" "$work/$1.pdb" .
	program=$work/$1.dll
	export LEAKLINE_RECORD="$PWD/$2.maps"
	shift 2
	env DOTNET_PerfMapEnabled=3 DOTNET_TC_OnStackReplacement=0 "$@" dotnet "$program"
}

run="clr.cs clr_recorder.cs clr_r2r.cs"
csc clr $run -- -debug:portable -pdb:"$work/clr.pdb"
record clr clr DOTNET_TieredCompilation=0
csc clr-r2r $run -- -optimize -debug:portable -pdb:"$work/clr-r2r.pdb"
mv "$work/clr-r2r.dll" "$work/il.dll"
if [ -e "$crossgen/crossgen2.dll" ]; then
	set -- dotnet "$crossgen/crossgen2.dll"
else
	set -- "$crossgen/crossgen2"
fi
"$@" "$work/il.dll" -o "$work/clr-r2r.dll" -r "$framework/*.dll" --targetos linux --targetarch x64 -O
record clr-r2r clr-r2r DOTNET_TieredCompilation=1
record clr-r2r clr-jit DOTNET_TieredCompilation=0 DOTNET_ReadyToRun=0
csc clr-com clr_com.cs -- -optimize -debug:embedded -target:library
cp "$work/clr-com.dll" .
dotnet "$sdk/Roslyn/bincore/vbc.dll" -nologo -nosdkpath -deterministic -define:_MyType='"Empty"' \
	-vbruntime:"$ref/Microsoft.VisualBasic.Core.dll" -r:"$ref/mscorlib.dll" -r:"$ref/System.dll" \
	-r:"$ref/System.Runtime.dll" -r:"$ref/System.Console.dll" -r:"$ref/System.Collections.dll" \
	-debug- -out:clr-vb.dll clr_vb.vb
