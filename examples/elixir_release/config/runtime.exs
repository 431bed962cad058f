import Config

config :shop,
  # exec, supervised, libcluster3 or libcluster2: see Shop.Clustering.
  clustering: System.get_env("CLUSTERING", "exec"),
  port: String.to_integer(System.get_env("PORT", "4000"))
