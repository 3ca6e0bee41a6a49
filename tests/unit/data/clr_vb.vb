' What Visual Basic makes of a method: what test_clr.c reads.  Built by clr.sh.
Imports System
Imports System.Collections.Generic
Imports System.Threading.Tasks
Module Program
    Async Function Load(s As String) As Task(Of Integer)
        Await Task.Yield()
        Return s.Length
    End Function
    Iterator Function Items(n As Short) As IEnumerable(Of Integer)
        Yield 1
        Yield n
    End Function
    Sub Main(args As String())
        Dim a As Action(Of Integer) = Sub(x) Console.WriteLine(x)
        Dim q As Integer = args.Length
        Dim b As Func(Of Integer) = Function() q + 1
        a(b())
        Load("x").Wait()
    End Sub
End Module
