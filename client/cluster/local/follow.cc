#include "client/cluster/local/follow.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "protocol/base/readable.h"

namespace rdev::cluster {
namespace {

using Descriptor = asio::posix::stream_descriptor;

Result<void> read_to_end(int fd, const Sink& sink) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno != EINTR) {
      return fail_errno("cannot read the job's log");
    }
    if (n == 0) {
      return {};
    }
    if (n > 0) {
      sink(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
    }
  }
}

// Takes the waiting inotify events away; only that there were some matters.
void drain(int fd) {
  std::array<char, 4096> buffer;
  while (::read(fd, buffer.data(), buffer.size()) > 0) {
  }
}

awaitable<void> wait_for_either(Descriptor& changes, Descriptor& end) {
  co_await asio::experimental::make_parallel_group(
      changes.async_wait(Descriptor::wait_read, asio::deferred),
      end.async_wait(Descriptor::wait_read, asio::deferred))
      .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
}

}  // namespace

awaitable<Result<void>> read_log(std::filesystem::path file, std::optional<ProcessId> writer,
                                 Sink sink) {
  const base::Fd log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!log) {
    co_return fail_errno("cannot open the job's log " + file.string());
  }
  base::Fd end = writer ? open_process(*writer) : base::Fd();
  if (!end) {
    co_return read_to_end(log.get(), sink);
  }
  // Watched before the first read, so nothing falls in between.
  base::Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes || ::inotify_add_watch(changes.get(), file.c_str(), IN_MODIFY) < 0) {
    co_return fail_errno("cannot watch the job's log " + file.string());
  }
  auto executor = co_await asio::this_coro::executor;
  Descriptor changes_wait(executor, changes.release());
  Descriptor end_wait(executor, end.release());
  for (;;) {
    if (auto read = read_to_end(log.get(), sink); !read) {
      co_return read;
    }
    co_await wait_for_either(changes_wait, end_wait);
    if (base::is_readable(end_wait.native_handle())) {
      co_return read_to_end(log.get(), sink);
    }
    drain(changes_wait.native_handle());
  }
}

}  // namespace rdev::cluster
