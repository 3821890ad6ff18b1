#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::cluster::docker {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  friend bool operator==(const Owner&, const Owner&) = default;
};

// Makes a POSIX ustar archive in memory; ids beyond 2097151 as GNU's base 256, which the engine
// reads.
class TarWriter final {
 public:
  explicit TarWriter(std::int64_t mtime) : mtime_(mtime) {}

  // `name` is relative and at most 100 bytes.
  void add_file(std::string_view name, std::uint32_t mode, Owner owner, std::string_view bytes);
  void add_dir(std::string_view name, std::uint32_t mode, Owner owner);

  // The archive with its end mark. The writer is empty afterwards.
  std::string finish();

 private:
  void add_header(std::string_view name, char type, std::uint32_t mode, Owner owner,
                  std::uint64_t size);

  std::int64_t mtime_;
  std::string archive_;
};

// The first file or symbolic link of an archive: all that the engine's answer for one path has.
struct TarEntry {
  std::string_view name;
  std::string_view link;   // a symbolic link's target, else empty
  std::string_view bytes;  // a file's
};
// Code::kProtocol when `archive` is damaged; nullopt when there is no such entry. The views point
// into `archive`.
Result<std::optional<TarEntry>> first_entry(std::string_view archive);

}  // namespace rdev::cluster::docker
