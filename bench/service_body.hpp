// A service as the metadata service writes it. Used by parse_bench and services_bench.
#pragma once

#include <cstddef>
#include <string>

namespace rancher_cnode_bench {

constexpr std::size_t usual_label = 90;
constexpr std::size_t container_length = 1'060;

/// Of each container another one, from 10.42.0.1.
inline std::string address_of(int index) {
  constexpr int hosts = 254;
  return "10." + std::to_string(42 + index / (hosts * 255)) + "." + std::to_string(index / hosts % 255) +
         "." + std::to_string(1 + index % hosts);
}

/// One container as rancher-metadata 0.10.4 writes it, 1,060 bytes long; `padding` lengthens a label.
inline std::string container_json(int index, std::size_t padding) {
  const std::string number = std::to_string(100'000 + index);
  const std::string ip = address_of(index);
  return R"({"create_index":)" + number +
         R"(,"dns":["169.254.169.250"],"dns_search":["shop.rancher.internal",)" +
         R"("rancher.internal"],"external_id":"9f901a1c1a585998965e3d545c2146699f901a1c1a585998965e3d545c)" +
         number + R"(","health_check":null,"health_check_hosts":[],"health_state":"healthy","host_uuid":)" +
         R"("c65a8665-127b-527d-b758-f51c95c38b09","hostname":"Shop-worker-)" + number + R"(","ips":[")" +
         ip + R"("],"labels":{"io.rancher.cni.network":"ipsec","io.rancher.container.uuid":)" +
         R"("1d02865d-80e9-532d-b87c-e0f54c)" + number + R"(","io.rancher.stack.name":"Shop","padding":")" +
         std::string(padding, 'x') +
         R"("},"links":null,"memory_reservation":null,"metadata_kind":"container",)" +
         R"("milli_cpu_reservation":null,"name":"shop-worker-)" + number +
         R"(","network_from_container_uuid":null,"network_uuid":"a4f04102-5729-5179-88b1-ff4b94748bde",)" +
         R"("ports":[],"primary_ip":")" + ip + R"(","primary_mac_address":"02:00:00:00:00:01",)" +
         R"("service_index":"1","service_name":"worker","stack_name":"shop","start_count":1,)" +
         R"("state":"running","system":false,"uuid":"1d02865d-80e9-532d-b87c-e0f54c)" + number + R"("})";
}

}  // namespace rancher_cnode_bench
