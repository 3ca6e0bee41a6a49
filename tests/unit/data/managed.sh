#!/bin/sh
# Builds managed.exe (mcs), managed-csc.dll and managed-embedded.dll (csc of the .NET
# SDK) and what the runtimes say of them.  Their results are committed: the tests need
# neither compiler.  Usage: managed.sh, in this folder; SDK=/usr/share/dotnet/sdk/VERSION
# REF=folder of reference assemblies.
set -e
sdk=${SDK:-$(ls -d /usr/share/dotnet/sdk/* | tail -n 1)}
ref=${REF:-$(ls -d /usr/share/dotnet/packs/Microsoft.NETCore.App.Ref/*/ref/* | tail -n 1)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# csc REFERENCE... -- OPTION...; a PDB lists every reference, so give few.
csc() {
	refs=
	while [ "$1" != -- ]; do
		refs="$refs -r:$ref/System.$1.dll"
		shift
	done
	shift
	dotnet "$sdk/Roslyn/bincore/csc.dll" -nologo -unsafe -deterministic -warn:0 \
		-pathmap:"$PWD"=/src $refs "$@"
}

mcs -debug -unsafe -warn:0 -pathmap:"$PWD"=/src managed.cs
mcs -out:"$work/oracle.exe" managed_oracle_mono.cs
for what in names lines maps; do
	mono --debug "$work/oracle.exe" $what managed.exe | sort -k1,1 -k2,2n >managed.exe.$what
done

csc Runtime Console Collections Runtime.InteropServices -- -debug:portable -pdb:managed-csc.pdb -out:managed-csc.dll managed.cs
csc Runtime -- -debug:embedded -target:library -out:managed-embedded.dll managed_embedded.cs
csc Runtime Console Collections.Immutable Reflection.Metadata Linq -- \
	-out:"$work/oracle.dll" managed_oracle_clr.cs
echo '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"10.0.0"}}}' \
	>"$work/oracle.runtimeconfig.json"
dotnet "$work/oracle.dll" managed-csc.dll managed-csc.pdb >managed-csc.dll.lines
dotnet "$work/oracle.dll" managed-embedded.dll >managed-embedded.dll.lines
