#include "agent/tidy.h"

#include <malloc.h>

#include <chrono>
#include <utility>

namespace rdev::agent {
namespace {

constexpr std::chrono::milliseconds kMoment{200};

// What free(3) leaves at the top of the heap: two windows of a channel. With its own 128 KiB a fast
// stream's buffers go back to the system and are faulted in again 75 000 times a GB.
constexpr int kKeptOnTop = 4 << 20;

}  // namespace

Tidy::Tidy(const asio::any_io_executor& executor) : timer_(executor) {
  ::mallopt(M_TRIM_THRESHOLD, kKeptOnTop);
}

void Tidy::soon() {
  if (due_) {
    return;
  }
  due_ = true;
  timer_.expires_after(kMoment);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) {
      due_ = false;
      ::malloc_trim(0);
    }
  });
}

awaitable<void> Tidy::after(awaitable<void> work) {
  co_await std::move(work);
  soon();
}

}  // namespace rdev::agent
