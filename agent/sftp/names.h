#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rdev::sftp {

// Users and groups by id, each asked of the system once (a listing asks for the same few names
// 100 000 times). Empty when the id has no name.
class Names final {
 public:
  const std::string& user(std::uint32_t uid);
  const std::string& group(std::uint32_t gid);

 private:
  using Cache = std::unordered_map<std::uint32_t, std::string>;
  Cache users_;
  Cache groups_;
};

// The home directory of `user`, or of the session when `user` is empty ($HOME, which also an id
// without a passwd entry has). Empty when there is none.
std::string home_of(const std::string& user);

// A line as `ls -l` prints it, which clients show to people. `now` decides between time and year.
std::string long_name(std::string_view name, const struct stat& status, Names& names, time_t now);

}  // namespace rdev::sftp
