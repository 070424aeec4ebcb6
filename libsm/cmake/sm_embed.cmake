# sm_embed(TARGET NAME FILE...) gives a target the header "embedded/NAME.hpp": the bytes of each file as a
# std::string_view in namespace sm::embedded::NAME, called as the file is with what is no letter or digit as '_'
# ("page.html" is page_html). Made anew when a file changes.
set(SM_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/embed.cmake")

function(sm_embed target name)
  set(files)
  foreach(file ${ARGN})
    list(APPEND files "${CMAKE_CURRENT_SOURCE_DIR}/${file}")
  endforeach()
  set(header "${CMAKE_CURRENT_BINARY_DIR}/embedded/${name}.hpp")
  add_custom_command(
    OUTPUT "${header}"
    COMMAND "${CMAKE_COMMAND}" -D "NAME=${name}" -D "HEADER=${header}" -D "FILES=${files}" -P "${SM_EMBED_SCRIPT}"
    DEPENDS ${files} "${SM_EMBED_SCRIPT}"
    COMMENT "Embedding ${name}"
    VERBATIM)
  target_sources(${target} PRIVATE "${header}")
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}")
endfunction()
