#include "client/cluster/docker/exec_pump.h"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/write.hpp>
#include <vector>

#include "protocol/base/log.h"

namespace rdev::cluster::docker {
namespace {

using local = asio::local::stream_protocol;

constexpr std::string_view kGreeting = "SSH-";
constexpr std::size_t kMaxComplaint = 2000;

}  // namespace

Result<std::string_view> ExecPump::next_stdout(std::string_view& input) {
  for (;;) {
    auto piece = decoder_.next(input);
    if (!piece) {
      return tl::make_unexpected(piece.error());
    }
    if (!*piece) {
      return std::string_view();
    }
    if ((*piece)->output == Output::kStdout) {
      return (*piece)->bytes;
    }
    complain((*piece)->bytes);
  }
}

void ExecPump::complain(std::string_view text) {
  complaint_.append(text.substr(0, kMaxComplaint - std::min(complaint_.size(), kMaxComplaint)));
}

awaitable<Result<void>> ExecPump::deliver(std::string_view bytes) {
  auto [error, n] =
      co_await asio::async_write(near_, asio::buffer(bytes.data(), bytes.size()), use_tuple);
  if (error) {
    co_return fail(Code::kClosed, error.message());
  }
  co_return Result<void>();
}

awaitable<Result<std::size_t>> ExecPump::receive() {
  pending_.resize(65536);
  auto n = co_await connection_->read(asio::buffer(pending_));
  pending_.resize(n.value_or(0));
  co_return n;
}

awaitable<Result<void>> ExecPump::wait_for_greeting() {
  std::string greeting;
  for (;;) {
    std::string_view input = pending_;
    while (!input.empty()) {
      auto bytes = next_stdout(input);
      if (!bytes) {
        co_return tl::make_unexpected(bytes.error());
      }
      greeting += *bytes;
    }
    if (greeting.starts_with(kGreeting)) {
      pending_.clear();
      co_return co_await deliver(greeting);
    }
    if (greeting.size() >= kGreeting.size()) {
      complain(greeting);
      greeting.clear();
    }
    auto n = co_await receive();
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      complain(greeting);
      complaint_.resize(complaint_.find_last_not_of("\r\n") + 1);
      co_return fail(Code::kUnavailable, "the agent in the container does not answer" +
                                             (complaint_.empty() ? "" : ": " + complaint_));
    }
  }
}

awaitable<Result<void>> ExecPump::down() {
  for (;;) {
    std::string_view input = pending_;
    while (!input.empty()) {
      auto bytes = next_stdout(input);
      if (!bytes) {
        co_return tl::make_unexpected(bytes.error());
      }
      if (bytes->empty()) {
        continue;
      }
      if (auto delivered = co_await deliver(*bytes); !delivered) {
        co_return delivered;
      }
    }
    auto n = co_await receive();
    if (!n || *n == 0) {
      co_return n ? Result<void>() : tl::make_unexpected(n.error());
    }
  }
}

awaitable<Result<void>> ExecPump::up() {
  std::vector<char> buffer(65536);
  for (;;) {
    auto [error, n] = co_await near_.async_read_some(asio::buffer(buffer), use_tuple);
    if (error) {
      co_return co_await connection_->write_eof();
    }
    if (auto written = co_await connection_->write(asio::buffer(buffer.data(), n)); !written) {
      co_return written;
    }
  }
}

// The exec has ended, so nobody reads what still comes from the far end.
awaitable<void> ExecPump::down_then_close() {
  if (auto ended = co_await down(); !ended && ended.error().code == Code::kProtocol) {
    base::log_warning("exec stream", {{"error", ended.error().message}});
  }
  boost::system::error_code ignored;  // the far end may be gone already
  near_.shutdown(local::socket::shutdown_both, ignored);
  near_.cancel(ignored);
}

// A failed write shows in the other direction, too: the connection is over.
awaitable<void> ExecPump::up_then_eof() { co_await up(); }

awaitable<void> ExecPump::run() {
  auto executor = co_await asio::this_coro::executor;
  auto [order, down_error, up_error] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, down_then_close(), asio::deferred),
          asio::co_spawn(executor, up_then_eof(), asio::deferred))
          .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  if (!complaint_.empty()) {
    base::log_warning("agent stdio", {{"stderr", complaint_}});
  }
}

}  // namespace rdev::cluster::docker
