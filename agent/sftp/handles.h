#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/sftp/codec.h"
#include "protocol/base/fd.h"

namespace rdev::sftp {

// What the client has open. Handles are 8 bytes, a slot and its generation, so that a handle used
// after its close is refused, and does not reach a file that was opened since.
class Handles final {
 public:
  // At most as many as the process may have fds, and never more than 1000.
  Handles();

  std::size_t limit() const { return limit_; }
  bool full() const { return open_ >= limit_; }

  // Only when not full().
  std::string add(base::Fd file);
  std::string add(DIR* directory);

  // The fd of a file or directory; -1 when there is no such handle.
  int fd(Handle handle) const;
  // nullptr when there is no such handle or it is a file's.
  DIR* directory(Handle handle) const;
  // close(2)'s errno, 0 for success, EBADF when there is no such handle.
  int close(Handle handle);

 private:
  struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  struct Slot {
    base::Fd file;
    std::unique_ptr<DIR, CloseDirectory> directory;
    std::uint32_t generation = 0;
  };
  std::optional<std::size_t> find(Handle handle) const;
  std::string add(Slot slot);

  std::vector<Slot> slots_;
  std::vector<std::size_t> free_;
  std::size_t open_ = 0;
  std::size_t limit_;
};

}  // namespace rdev::sftp
