# cmake -D DIRECTORY=dist -D OUT=bundle_files.cpp -P EmbedBundle.cmake: the files NAME.gz of the directory and of its folder
# assets as a table of C++ strings. A string is the form that compilers read fastest.
file(GLOB files RELATIVE ${DIRECTORY} ${DIRECTORY}/*.gz ${DIRECTORY}/assets/*.gz)
list(SORT files)
set(rows "")
foreach(file IN LISTS files)
  file(READ ${DIRECTORY}/${file} hex HEX)
  file(SHA256 ${DIRECTORY}/${file} digest)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${hex}")
  string(REGEX REPLACE "\\.gz$" "" name "${file}")
  string(APPEND rows "    {\"/${name}\", \"${digest}\", std::string_view(\"${bytes}\", ${size})},\n")
endforeach()
# The empty last row stands for the end: an array must have a row.
file(WRITE ${OUT} "// Made by cmake/EmbedBundle.cmake.\n#include \"monitoring/dashboard/bundle.h\"\n
namespace framemill::dashboard {\n\nextern const BundleFile kBundleFiles[];\nconst BundleFile kBundleFiles[] = {
${rows}    {{}, {}, {}}};\n\n}  // namespace framemill::dashboard\n")
