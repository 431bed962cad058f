defmodule Shop.Clustering do
  @moduledoc """
  The ways to become a cluster, by the variable CLUSTERING. An application of your own has one of them.
  """

  @topologies [
    rancher: [
      strategy: :rancher_cnode,
      config: [node_basename: "shop", polling_interval: 10_000]
    ]
  ]

  # Outside: `rancher_cnode exec` has started the program beside the VM.
  def children("exec"), do: []

  # Inside: a child of our own supervisor runs the program.
  def children("supervised"), do: [{:rancher_cnode, node_basename: "shop"}]

  # Through libcluster: {Cluster.Supervisor, [@topologies]} with libcluster 3.x, or @topologies in the configuration
  # of libcluster 2.5. It is not fetched here; this makes the same children of @topologies.
  def children("libcluster3") do
    for {topology, spec} <- @topologies do
      state =
        Map.merge(functions(), %{
          __struct__: Cluster.Strategy.State,
          topology: topology,
          config: spec[:config],
          meta: nil
        })

      {spec[:strategy], [state]}
    end
  end

  def children("libcluster2") do
    for {topology, spec} <- @topologies do
      args = [topology: topology, config: spec[:config]] ++ Map.to_list(functions())
      %{id: topology, start: {spec[:strategy], :start_link, [args]}}
    end
  end

  defp functions do
    %{
      connect: {:net_kernel, :connect_node, []},
      disconnect: {:erlang, :disconnect_node, []},
      list_nodes: {:erlang, :nodes, [:connected]}
    }
  end
end
