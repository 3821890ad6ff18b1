#include "agent/tidy.h"

#include <malloc.h>

#include <chrono>
#include <utility>

namespace rdev::agent {
namespace {

constexpr std::chrono::milliseconds kMoment{200};

}  // namespace

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
