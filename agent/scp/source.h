#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>

#include "agent/scp/peer.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::scp {

struct SourceOptions {
  bool recursive = false, preserve = false;
};

// Sends files to a client that asked for them (-f). What cannot be read is told and passed over; an
// Error ends the copy.
class Source final {
 public:
  Source(Peer& peer, SourceOptions options) : peer_(peer), options_(options) {}

  Result<void> send(const std::string& path);

 private:
  Result<void> send_file(const std::string& path, int fd, const struct stat& status);
  Result<void> send_directory(const std::string& path, base::Fd fd, const struct stat& status);
  // Times, if wanted, and the record; whether the client takes it.
  Result<bool> announce(const struct stat& status, const std::string& record);
  Result<void> send_bytes(const std::string& path, int fd, std::uint64_t size);

  static constexpr std::size_t kChunk = std::size_t{256} * 1024;

  Peer& peer_;
  const SourceOptions options_;
  const std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kChunk);
};

}  // namespace rdev::scp
