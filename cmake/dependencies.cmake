# Third-party libraries, all from Debian packages, as SYSTEM headers so that their warnings stay theirs.
find_package(Threads REQUIRED)
# Of the static libcurl in a portable build, which brings c-ares.
set(OPENSSL_USE_STATIC_LIBS ${RANCHER_CNODE_PORTABLE})
find_package(CURL REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED)

function(rancher_cnode_header_library name header)
  find_path(${name}_INCLUDE_DIR ${header} REQUIRED)
  add_library(${name} INTERFACE)
  target_include_directories(${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIR})
endfunction()

rancher_cnode_header_library(rancher_cnode_rapidjson rapidjson/reader.h)
rancher_cnode_header_library(rancher_cnode_cli11 CLI/CLI.hpp)
rancher_cnode_header_library(rancher_cnode_expected tl/expected.hpp)

rancher_cnode_header_library(rancher_cnode_ei ei.h)
find_library(RANCHER_CNODE_EI_LIBRARY libei.a REQUIRED)
target_link_libraries(rancher_cnode_ei INTERFACE ${RANCHER_CNODE_EI_LIBRARY} Threads::Threads)
target_compile_definitions(rancher_cnode_ei INTERFACE _REENTRANT)

add_library(rancher_cnode_asio INTERFACE)
target_include_directories(rancher_cnode_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(rancher_cnode_asio INTERFACE BOOST_ASIO_NO_DEPRECATED)
target_link_libraries(rancher_cnode_asio INTERFACE Threads::Threads)

if(RANCHER_CNODE_TESTS)
  rancher_cnode_header_library(rancher_cnode_doctest doctest/doctest.h)
endif()
if(RANCHER_CNODE_BENCH)
  find_package(benchmark REQUIRED)
endif()
