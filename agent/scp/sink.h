#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/scp/peer.h"
#include "agent/scp/records.h"
#include "protocol/base/result.h"

namespace rdev::scp {

struct SinkOptions {
  bool recursive = false, preserve = false;
  bool into_directory = false;  // what is no directory is refused
};

// Receives files from a client (-t). What cannot be written is told and passed over; an Error ends
// the copy, its sentence is for the client.
class Sink final {
 public:
  Sink(Peer& peer, SinkOptions options);

  // Into the directory `target`, or as `target`.
  Result<void> receive(std::string target);

 private:
  // A directory that records go into; what it gets when it is complete.
  struct Level {
    std::string path;
    bool is_directory = false;
    std::optional<TimesRecord> times;
    std::optional<mode_t> mode;
  };

  // false: the whole copy has ended.
  Result<bool> obey(const Record& record);
  mode_t mode_of(mode_t told) const;
  Result<void> take_file(const FileRecord& record);
  Result<void> take_bytes(int fd, std::uint64_t size, std::string& problem);
  Result<void> enter(const DirectoryRecord& record);
  Result<bool> leave();
  std::string place_of(const std::string& name) const;

  Peer& peer_;
  const SinkOptions options_;
  const mode_t umask_;
  std::vector<Level> levels_;
  std::optional<TimesRecord> times_;  // of the next file or directory
};

}  // namespace rdev::scp
