#include "client/state/forgotten.h"

#include <sys/inotify.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <system_error>

#include "client/state/job_record.h"
#include "protocol/base/fd.h"

namespace rdev::state {

awaitable<Result<void>> until_forgotten(const Paths& paths, std::string name) {
  const JobFiles files = job_files(paths, name);
  base::Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!changes || ::inotify_add_watch(changes.get(), files.dir.c_str(),
                                      IN_DELETE | IN_MOVED_FROM | IN_MOVE_SELF | IN_ONLYDIR) < 0) {
    if (errno == ENOENT) {
      co_return Result<void>{};
    }
    co_return fail_errno("cannot watch " + files.dir.string());
  }
  asio::posix::stream_descriptor events(co_await asio::this_coro::executor, changes.release());
  std::array<char, 4096> ignored;
  std::error_code error;
  while (std::filesystem::exists(files.record, error)) {
    const auto [failed, n] = co_await events.async_read_some(asio::buffer(ignored), use_tuple);
    if (failed) {
      co_return fail_errno("cannot watch " + files.dir.string(), failed.value());
    }
  }
  co_return Result<void>{};
}

}  // namespace rdev::state
