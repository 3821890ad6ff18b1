#include "client/commands/link_log.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

namespace rdev::commands {
namespace {

// False when the file is gone.
Result<bool> read_on(int fd, off_t& offset, const cluster::Cluster::LogSink& sink) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) {
    return fail_errno("cannot read the link's log");
  }
  if (status.st_size < offset) {
    offset = 0;  // a new link process has shortened it
  }
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (n < 0 && errno != EINTR) {
      return fail_errno("cannot read the link's log");
    }
    if (n == 0) {
      return status.st_nlink > 0;
    }
    if (n > 0) {
      offset += n;
      sink({buffer.data(), static_cast<std::size_t>(n)});
    }
  }
}

}  // namespace

awaitable<Result<void>> read_link_log(std::filesystem::path file, cluster::Cluster::Follow follow,
                                      cluster::Cluster::LogSink sink) {
  // Made if there was no link yet: it can then be waited for.
  const base::Fd log(::open(file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!log) {
    co_return fail_errno("cannot open " + file.string());
  }
  // Watched before the first read, so nothing falls in between.
  base::Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes || ::inotify_add_watch(changes.get(), file.c_str(), IN_MODIFY | IN_ATTRIB) < 0) {
    co_return fail_errno("cannot watch " + file.string());
  }
  asio::posix::stream_descriptor wait(co_await asio::this_coro::executor, changes.release());
  std::array<char, 4096> events;
  for (off_t offset = 0;;) {
    const auto there = read_on(log.get(), offset, sink);
    if (!there) {
      co_return tl::make_unexpected(there.error());
    }
    if (!*there || follow == cluster::Cluster::Follow::kNo) {
      co_return Result<void>{};
    }
    const auto [error, n] = co_await wait.async_read_some(asio::buffer(events), use_tuple);
    if (error) {
      co_return fail_errno("cannot watch " + file.string(), error.value());
    }
  }
}

}  // namespace rdev::commands
