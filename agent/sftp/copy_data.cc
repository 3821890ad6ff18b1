#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "agent/sftp/requests.h"

namespace rdev::sftp {
namespace {

constexpr std::uint64_t kMaxOffset = std::numeric_limits<off_t>::max();
constexpr std::size_t kChunk = 1 << 20;

struct Copy {
  int source;
  off_t source_offset;
  int target;
  off_t target_offset;
  std::uint64_t left;
};

// Lets the kernel copy as far as it can (a reflink, or at least no way through us). It may stop
// early for many reasons, on which copy_by_hand() has the last word.
void copy_in_kernel(Copy& copy) {
  while (copy.left > 0) {
    const std::size_t want = std::min<std::uint64_t>(copy.left, 1U << 30);
    const ssize_t n = ::copy_file_range(copy.source, &copy.source_offset, copy.target,
                                        &copy.target_offset, want, 0);
    if (n <= 0) {
      return;
    }
    copy.left -= static_cast<std::uint64_t>(n);
  }
}

Outcome copy_by_hand(Copy copy) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kChunk);
  while (copy.left > 0) {
    const std::size_t want = std::min<std::uint64_t>(copy.left, kChunk);
    const ssize_t n = ::pread(copy.source, buffer.get(), want, copy.source_offset);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return Outcome::from_errno();
    }
    if (n == 0) {
      break;
    }
    for (ssize_t done = 0; done < n;) {
      const ssize_t put = ::pwrite(copy.target, buffer.get() + done,
                                   static_cast<std::size_t>(n - done), copy.target_offset + done);
      if (put < 0 && errno == EINTR) {
        continue;
      }
      if (put < 0) {
        return Outcome::from_errno();
      }
      done += put;
    }
    copy.source_offset += n;
    copy.target_offset += n;
    copy.left -= static_cast<std::uint64_t>(n);
  }
  return Outcome::ok();
}

}  // namespace

Outcome copy_data(Session& session, Handle source, std::uint64_t source_offset,
                  std::uint64_t length, Handle target, std::uint64_t target_offset) {
  const int from = session.handles.fd(source);
  const int to = session.handles.fd(target);
  if (from < 0 || to < 0) {
    return Outcome::no_handle();
  }
  struct stat from_status{};
  struct stat to_status{};
  if (::fstat(from, &from_status) != 0 || ::fstat(to, &to_status) != 0) {
    return Outcome::from_errno();
  }
  if (from_status.st_dev == to_status.st_dev && from_status.st_ino == to_status.st_ino) {
    return Outcome::failed(Status::kFailure, "a file cannot be copied onto itself");
  }
  if (source_offset > kMaxOffset || target_offset > kMaxOffset) {
    return Outcome::from_errno(EINVAL);
  }
  Copy copy{.source = from,
            .source_offset = static_cast<off_t>(source_offset),
            .target = to,
            .target_offset = static_cast<off_t>(target_offset),
            .left = length == 0 ? std::numeric_limits<std::uint64_t>::max() : length};
  copy_in_kernel(copy);
  return copy_by_hand(copy);
}

}  // namespace rdev::sftp
