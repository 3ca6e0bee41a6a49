static class E {
	static int Twice(int n)
	{
		return n
			* 2;
	}
}
