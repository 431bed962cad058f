defmodule Shop.Cluster do
  @moduledoc """
  Tells what the cluster looks like: now, and when this process started.
  """
  use Agent

  def start_link(_args), do: Agent.start_link(&Node.list/0, name: __MODULE__)

  @doc "One line each: this node, its peers, its peers at the start, its C-node."
  def show do
    """
    node #{Node.self()}
    peers #{names(Node.list())}
    peers_at_start #{names(Agent.get(__MODULE__, & &1))}
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
