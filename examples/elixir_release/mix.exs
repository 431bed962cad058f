defmodule Shop.MixProject do
  use Mix.Project

  def project do
    [
      app: :shop,
      version: "0.1.0",
      elixir: "~> 1.14",
      start_permanent: Mix.env() == :prod,
      deps: deps(),
      releases: [shop: [include_executables_for: [:unix]]]
    ]
  end

  def application do
    [extra_applications: [:logger], mod: {Shop.Application, []}]
  end

  # In a project of your own: {:rancher_cnode, git: "<this repository>", sparse: "erlang"}
  defp deps do
    [{:rancher_cnode, path: "../../erlang", manager: :rebar3}]
  end
end
