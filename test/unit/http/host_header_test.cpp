#include "http/host_header.hpp"

#include <doctest/doctest.h>

#include <string_view>

using rancher_cnode::http::is_local_host;

TEST_CASE("addresses and names outside of public DNS are local hosts") {
  for (const std::string_view host :
       {"10.42.0.7", "10.42.0.7:9100", "127.0.0.1:1", "[::1]", "[fd00::1]:9100", "localhost",
        "LocalHost:9100", "myapp", "my-app_1:80", "myapp.shop.rancher.internal",
        "MYAPP.RANCHER.INTERNAL.:9100", "printer.local", "a.localhost", "myapp."}) {
    CAPTURE(host);
    CHECK(is_local_host(host));
  }
}

TEST_CASE("names that somebody may own in public DNS, and what is no name, are no local hosts") {
  for (const std::string_view host : {"",
                                      ":",
                                      ":9100",
                                      "example.com",
                                      "example.com:9100",
                                      "10.42.0.7.example.com",
                                      "localhost.example.com",
                                      "internal.example.com",
                                      "notinternal.com",
                                      "a.xinternal",
                                      "example.com.",
                                      "1.2.3.4.5",
                                      "1.2.3",
                                      "10.42.0.7:9100x",
                                      "a b",
                                      "a/b",
                                      "user@myapp",
                                      "[::1",
                                      "[example.com]",
                                      "a:b:1",
                                      "\xc3\xa9"}) {
    CAPTURE(host);
    CHECK_FALSE(is_local_host(host));
  }
}
