#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::storage {

// pai://CLUSTER/STORAGE/PATH, each as it is: nothing in it is encoded.
struct Place {
  std::string cluster, storage;
  std::string path;        // as Store has it
  bool is_folder = false;  // a slash at its end
};

inline constexpr std::string_view kScheme = "pai://";

bool is_url(std::string_view text);
// Code::kUsage says what is wrong.
Result<Place> parse_place(std::string_view url);

// Whether a name from a store may become a file of this machine: no "", ".", "..", and no slash or
// NUL in it.
bool is_name(std::string_view name);

// "a/b"; either may be empty.
std::string join(std::string_view folder, std::string_view name);
std::string parent_of(std::string_view path);
std::string name_of(std::string_view path);

// For a URL: everything but letters, digits, "-._~" and "/" is encoded.
std::string encode_path(std::string_view path);
std::string encode(std::string_view text);

// The end of the names of files that are not complete; copies of folders leave them out.
inline constexpr std::string_view kPart = ".rdev-part";

}  // namespace rdev::storage
