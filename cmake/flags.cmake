# Compiler and linker flags of our own code. Every target of ours links to rancher_cnode_flags.
add_library(rancher_cnode_flags INTERFACE)
target_include_directories(rancher_cnode_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/c_src)
target_compile_options(rancher_cnode_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast)
# In optimised builds GCC 12 sees an overlap in the concatenation of std::strings where there is none (its bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(rancher_cnode_flags INTERFACE $<$<CONFIG:Release>:-Wno-restrict>)
endif()
# Where several sources are compiled as one, GCC takes their types for those of a header, and clang a name of one for a
# shadow of another's.
if(CMAKE_UNITY_BUILD)
  target_compile_options(rancher_cnode_flags INTERFACE
    $<IF:$<CXX_COMPILER_ID:GNU>,-Wno-subobject-linkage,-Wno-shadow>)
endif()
if(RANCHER_CNODE_WERROR)
  target_compile_options(rancher_cnode_flags INTERFACE -Werror)
endif()
if(RANCHER_CNODE_SANITIZE)
  target_compile_options(rancher_cnode_flags INTERFACE
    -fsanitize=${RANCHER_CNODE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(rancher_cnode_flags INTERFACE -fsanitize=${RANCHER_CNODE_SANITIZE})
  # The check of vtables opens a pipe to see whether memory can be read: false alarms where a case has used up every
  # descriptor.
  if(RANCHER_CNODE_SANITIZE MATCHES "undefined")
    target_compile_options(rancher_cnode_flags INTERFACE -fno-sanitize=vptr)
  endif()
  if(RANCHER_CNODE_SANITIZE MATCHES "undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(rancher_cnode_flags INTERFACE
      -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitizer_ignore.txt)
  endif()
  # GCC warns that ThreadSanitizer does not know std::atomic_thread_fence, which Asio uses in a header of its own.
  if(RANCHER_CNODE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(rancher_cnode_flags INTERFACE -Wno-tsan)
  endif()
endif()

# What is shipped is hardened; test/package/hardening reads it from the program. Control-flow protection it reads from the
# objects: the program is not marked for it. FORTIFY needs an optimised build.
set(optimised $<CONFIG:Release,RelWithDebInfo,MinSizeRel>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(control_flow -fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
  set(control_flow -mbranch-protection=standard)
endif()
target_compile_options(rancher_cnode_flags INTERFACE
  "$<${optimised}:-fPIE;-fstack-protector-strong;-fstack-clash-protection;${control_flow};-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>"
  "$<${optimised}:-ffunction-sections;-fdata-sections>")
target_link_options(rancher_cnode_flags INTERFACE
  "$<IF:$<BOOL:${RANCHER_CNODE_PORTABLE}>,-static-pie,$<${optimised}:-pie>>"
  "$<${optimised}:-Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections>")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()
