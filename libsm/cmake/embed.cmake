# What sm_embed runs: writes HEADER with the bytes of FILES, in namespace sm::embedded::NAME.
set(text "// Made from files by sm_embed.\n#pragma once\n\n#include <string_view>\n\nnamespace sm::embedded::${NAME} {\n")
foreach(file ${FILES})
  get_filename_component(variable "${file}" NAME)
  string(MAKE_C_IDENTIFIER "${variable}" variable)
  file(READ "${file}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  # The last one is not counted, and there for a file of no bytes.
  string(APPEND text "\ninline constexpr char ${variable}_bytes[] = {\n${bytes}'\\0'};\n"
         "inline constexpr std::string_view ${variable}{${variable}_bytes, ${size}};\n")
endforeach()
string(APPEND text "\n}  // namespace sm::embedded::${NAME}\n")
file(WRITE "${HEADER}" "${text}")
