#pragma once

#include <string>
#include <vector>

namespace rdev::cluster {

// What exec and posix_spawn want; borrows `words`.
inline std::vector<char*> argv_of(const std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (const std::string& word : words) {
    list.push_back(const_cast<char*>(word.c_str()));
  }
  list.push_back(nullptr);
  return list;
}

}  // namespace rdev::cluster
