# Toolchain for arm64 on Debian for x86-64: its cross compiler, and the libraries that scripts/static-libcurl has unpacked
# to ARM64_LIBRARIES. Headers without a processor are the machine's own.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ARM64_LIBRARIES)

set(CMAKE_FIND_ROOT_PATH ${ARM64_LIBRARIES})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
foreach(language IN ITEMS C CXX)
  set(CMAKE_${language}_STANDARD_INCLUDE_DIRECTORIES
    ${ARM64_LIBRARIES}/usr/include/aarch64-linux-gnu ${ARM64_LIBRARIES}/usr/include)
endforeach()
