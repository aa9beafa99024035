// The dashboard's files as they are part of the program: what Node built from monitoring/dashboard/src and dist/ holds.
// Never changes; any thread.
#pragma once

#include <string_view>
#include <vector>

namespace framemill::dashboard {

struct BundleFile {
  std::string_view path;    // "/index.html", "/assets/index-B2x9.js"
  std::string_view sha256;  // of the compressed bytes, hexadecimal
  std::string_view gzip;    // the content, compressed
};

// By path; empty where the program was built without the dashboard.
const std::vector<BundleFile>& bundle();
// Null: there is no such file. "/" is "/index.html".
const BundleFile* find_file(std::string_view path);
// By the name's ending: "text/html; charset=utf-8".
std::string_view content_type(const BundleFile& file);
// Whether the name changes with the content, so that a browser may keep it for ever.
bool is_immutable(const BundleFile& file);

}  // namespace framemill::dashboard
