using System;
using System.Globalization;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

// A server that answers JSON on the Unix socket named on its command line:
//   GET  /order?id=N   an order made up from N
//   POST /order        what was sent, read and written again
//   GET  /end          stops it
// Run and driven by bench/run.
static class Program
{
	sealed record Item(string Name, int Count, double Price);
	sealed record Order(int Id, string Customer, Item[] Items);

	static int Main(string[] args)
	{
		if (args.Length != 1) {
			Console.Error.WriteLine("usage: http SOCKET");
			return 2;
		}

		WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();

		builder.Logging.ClearProviders();
		builder.WebHost.ConfigureKestrel(server => server.ListenUnixSocket(args[0]));

		WebApplication app = builder.Build();

		app.Run(context => Answer(context, app.Lifetime));
		app.Run();
		return 0;
	}

	static Task Answer(HttpContext context, IHostApplicationLifetime lifetime)
	{
		if (context.Request.Path == "/end") {
			lifetime.StopApplication();
			return context.Response.WriteAsync("bye");
		}
		if (context.Request.Path != "/order") {
			context.Response.StatusCode = StatusCodes.Status404NotFound;
			return Task.CompletedTask;
		}
		if (HttpMethods.IsPost(context.Request.Method))
			return Echo(context);

		int id = int.Parse(context.Request.Query["id"], CultureInfo.InvariantCulture);

		return context.Response.WriteAsJsonAsync(MakeOrder(id));
	}

	static async Task Echo(HttpContext context)
	{
		Order order = await context.Request.ReadFromJsonAsync<Order>();

		await context.Response.WriteAsJsonAsync(order with { Id = order.Id + 1 });
	}

	static Order MakeOrder(int id)
	{
		var items = new Item[1 + id % 7];

		for (int i = 0; i < items.Length; i++)
			items[i] = new Item("item " + i, id % 50 + i, id % 1000 / 4.0);
		return new Order(id, "customer " + id % 500, items);
	}
}
