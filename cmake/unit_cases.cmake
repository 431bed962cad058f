# rancher_cnode_unit_cases(PROGRAM) registers each case of a doctest program with ctest, as PROGRAM:CASE. ctest lists them
# itself, by list_unit_cases.cmake. Debian's doctest_discover_tests has them listed by the build, where a program under
# ThreadSanitizer may not start and a mutated one must not run; and it takes a name with a semicolon for two.
function(rancher_cnode_unit_cases program)
  set(look ${CMAKE_CURRENT_BINARY_DIR}/${program}_cases.cmake)
  file(GENERATE OUTPUT ${look} CONTENT
    "set(program [==[$<TARGET_FILE:${program}>]==])\ninclude([==[${PROJECT_SOURCE_DIR}/cmake/list_unit_cases.cmake]==])\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${look})
endfunction()
