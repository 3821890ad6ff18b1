#include "client/cluster/openpai/submission.h"

#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

namespace rdev::cluster::openpai {
namespace {

struct Sending {
  explicit Sending(const asio::any_io_executor& executor) : done(executor) {
    done.expires_at(asio::steady_timer::time_point::max());
  }
  asio::steady_timer done;  // cancelled when `sent` is there
  std::optional<Result<void>> sent;
};

awaitable<void> send(Api& api, std::string document, Words words,
                     std::shared_ptr<Sending> sending) {
  sending->sent = co_await api.submit(std::move(document), std::move(words));
  sending->done.cancel();
}

}  // namespace

awaitable<Result<void>> submit_whole(Api& api, std::string document, Words words) {
  const auto executor = co_await asio::this_coro::executor;
  // Shared with the coroutine that must not be cancelled.
  const auto sending = std::make_shared<Sending>(executor);
  asio::co_spawn(executor, send(api, std::move(document), std::move(words), sending),
                 asio::detached);
  bool is_cancelled = false;
  while (!sending->sent) {
    (void)co_await sending->done.async_wait(use_tuple);
    if (!sending->sent) {
      is_cancelled = true;
      co_await asio::this_coro::reset_cancellation_state();
    }
  }
  co_return is_cancelled ? fail(Code::kCancelled, "cancelled") : *sending->sent;
}

}  // namespace rdev::cluster::openpai
