defmodule Shop.Page do
  @moduledoc """
  A minimal web server: / shows the cluster, /health is for Rancher's health check.
  """
  use Task, restart: :permanent

  def start_link(port), do: Task.start_link(__MODULE__, :listen, [port])

  def listen(port) do
    options = [:binary, packet: :http_bin, active: false, reuseaddr: true, backlog: 64]
    {:ok, listener} = :gen_tcp.listen(port, options)
    accept(listener)
  end

  defp accept(listener) do
    {:ok, socket} = :gen_tcp.accept(listener)
    # Not linked: a client that disconnects ends only its own process.
    {:ok, visit} = Task.start(fn -> receive(do: (:go -> serve(socket))) end)
    :ok = :gen_tcp.controlling_process(socket, visit)
    send(visit, :go)
    accept(listener)
  end

  defp serve(socket) do
    {:ok, {:http_request, :GET, {:abs_path, path}, _version}} = :gen_tcp.recv(socket, 0, 5_000)
    :ok = :gen_tcp.send(socket, answer(path))
    :gen_tcp.close(socket)
  end

  defp answer("/"), do: answer(200, "OK", Shop.Cluster.show())
  defp answer("/health"), do: answer(200, "OK", "well\n")
  defp answer(_path), do: answer(404, "Not Found", "nothing here\n")

  defp answer(status, phrase, body) do
    [
      "HTTP/1.1 #{status} #{phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n",
      "Content-Length: #{byte_size(body)}\r\nConnection: close\r\n\r\n",
      body
    ]
  end
end
