defmodule Shop.Cluster do
  @moduledoc """
  Reports what the cluster looks like: now, and when this process started.
  """
  use Agent

  def start_link(_args) do
    Agent.start_link(fn -> {DateTime.utc_now(), Node.list()} end, name: __MODULE__)
  end

  @doc "One line each: this node, its start, its peers, its peers at the start, its C-node."
  def show do
    {since, at_start} = Agent.get(__MODULE__, & &1)

    """
    node #{Node.self()}
    since #{DateTime.to_iso8601(since)}
    peers #{names(Node.list())}
    peers_at_start #{names(at_start)}
    cnode #{cnode()}
    """
  end

  defp names(nodes), do: nodes |> Enum.sort() |> Enum.join(" ")

  defp cnode do
    case :rancher_cnode.status() do
      {:ok, %{node: node}} -> node
      {:error, reason} -> inspect(reason)
    end
  end
end
