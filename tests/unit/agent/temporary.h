#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace rdev::test {

// A directory that goes with the test.
class Temporary final {
 public:
  Temporary() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rdev-test.XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  // A file of mode 0600.
  std::filesystem::path file(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name) << text;
    std::filesystem::permissions(path_ / name, std::filesystem::perms(0600));
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace rdev::test
