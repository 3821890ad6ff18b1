#include "protocol/base/readable.h"

#include <poll.h>

#include <boost/asio/posix/stream_descriptor.hpp>

namespace rdev::base {

using Descriptor = asio::posix::stream_descriptor;

bool is_readable(int fd) {
  pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&asked, 1, 0) > 0;
}

awaitable<Result<void>> wait_readable(Fd fd) {
  Descriptor descriptor(co_await asio::this_coro::executor, fd.release());
  while (!is_readable(descriptor.native_handle())) {
    const auto [error] = co_await descriptor.async_wait(Descriptor::wait_read, use_tuple);
    if (error) {
      co_return fail_errno("cannot wait for a descriptor", error.value());
    }
  }
  co_return Result<void>{};
}

}  // namespace rdev::base
