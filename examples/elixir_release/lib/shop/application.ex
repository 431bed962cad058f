defmodule Shop.Application do
  @moduledoc false
  use Application

  @impl true
  def start(_type, _args) do
    way = Application.fetch_env!(:shop, :clustering)

    # Children start in this order: Shop.Cluster looks at the cluster when it starts, and sees it joined wherever
    # the way of clustering blocks.
    children =
      Shop.Clustering.children(way) ++
        [Shop.Cluster, {Shop.Page, Application.fetch_env!(:shop, :port)}]

    Supervisor.start_link(children, strategy: :one_for_one, name: Shop.Supervisor)
  end
end
