#include "client/cluster/docker/exec.h"

#include <sys/socket.h>

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/system_error.hpp>
#include <chrono>

#include "client/cluster/docker/create_body.h"
#include "client/cluster/docker/frames.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

using local = asio::local::stream_protocol;

// The agent listens within milliseconds of the container's start.
constexpr auto kFirstByteLimit = std::chrono::seconds(20);
constexpr std::size_t kMaxComplaint = 2000;

// The hijacked connection of an exec and its socketpair's near end.
class ExecPump final {
 public:
  ExecPump(ResponseStream::Hijacked hijacked, local::socket near)
      : connection_(std::move(hijacked.connection)),
        pending_(std::move(hijacked.early)),
        near_(std::move(near)) {}

  // Until stdout has begun. The stream's end before that is an error with what stderr said.
  awaitable<Result<void>> wait_for_stdout();
  // Both directions, until the exec or the far end is done.
  awaitable<void> run();

 private:
  // Writes what is pending to the near end; true when there was anything.
  awaitable<Result<bool>> deliver();
  awaitable<Result<std::size_t>> receive();
  awaitable<Result<void>> down();
  awaitable<Result<void>> up();
  awaitable<void> down_then_close();
  awaitable<void> up_then_eof();

  std::unique_ptr<Connection> connection_;
  std::string pending_;  // received, not decoded
  local::socket near_;
  FrameDecoder decoder_;
  std::string complaint_;  // stderr
};

awaitable<Result<bool>> ExecPump::deliver() {
  std::string_view input = pending_;
  bool any = false;
  for (;;) {
    auto piece = decoder_.next(input);
    if (!piece) {
      co_return tl::make_unexpected(piece.error());
    }
    if (!*piece) {
      pending_.clear();
      co_return any;
    }
    const std::string_view bytes = (*piece)->bytes;
    if ((*piece)->output == Output::kStderr) {
      complaint_.append(
          bytes.substr(0, kMaxComplaint - std::min(complaint_.size(), kMaxComplaint)));
      continue;
    }
    any = true;
    auto [error, n] =
        co_await asio::async_write(near_, asio::buffer(bytes.data(), bytes.size()), use_tuple);
    if (error) {
      co_return fail(Code::kClosed, error.message());
    }
  }
}

awaitable<Result<std::size_t>> ExecPump::receive() {
  pending_.resize(65536);
  auto n = co_await connection_->read(asio::buffer(pending_));
  pending_.resize(n.value_or(0));
  co_return n;
}

awaitable<Result<void>> ExecPump::wait_for_stdout() {
  for (;;) {
    auto delivered = co_await deliver();
    if (!delivered) {
      co_return tl::make_unexpected(delivered.error());
    }
    if (*delivered) {
      co_return Result<void>();
    }
    auto n = co_await receive();
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      co_return fail(Code::kUnavailable, "the agent in the container does not answer" +
                                             (complaint_.empty() ? "" : ": " + complaint_));
    }
  }
}

awaitable<Result<void>> ExecPump::down() {
  for (;;) {
    auto delivered = co_await deliver();
    if (!delivered) {
      co_return tl::make_unexpected(delivered.error());
    }
    auto n = co_await receive();
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      co_return Result<void>();
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

awaitable<void> run_owned(std::unique_ptr<ExecPump> pump) { co_await pump->run(); }

void log_thrown(const std::exception_ptr& thrown) {
  if (!thrown) {
    return;
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    base::log_error("exec stream threw", {{"error", e.what()}});
  }
}

Request post_json(std::string target, const json::object& body) {
  Request request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = json::serialize(body);
  return request;
}

tl::unexpected<Error> exec_refused(const Response& response, const std::string& container) {
  const std::string short_id = container.substr(0, 12);
  if (response.status == 404) {
    return fail(Code::kNotFound, "the job's container " + short_id + " is gone");
  }
  if (response.status == 409) {
    return fail(Code::kClosed,
                "the job's container " + short_id + " does not run: " + response.message());
  }
  return fail(Code::kUnavailable, "exec in container " + short_id + ": " + response.message());
}

awaitable<Result<std::string>> create_exec(Engine& engine, std::string container) {
  const json::object body = {
      {"AttachStdin", true},
      {"AttachStdout", true},
      {"AttachStderr", true},
      {"Tty", false},
      {"Cmd", json::array{kAgentPath, "stdio", "--config", kConfigPath}},
  };
  auto response = co_await engine.call(post_json("/containers/" + container + "/exec", body));
  if (!response) {
    co_return tl::make_unexpected(response.error());
  }
  if (response->status != 201) {
    co_return exec_refused(*response, container);
  }
  auto created = parse_json(response->body, "the engine's answer to an exec");
  if (!created) {
    co_return tl::make_unexpected(created.error());
  }
  co_return text_at(*created, "/Id");
}

awaitable<Result<ResponseStream::Hijacked>> start_exec(Engine& engine, std::string container,
                                                       std::string exec) {
  const json::object body = {{"Detach", false}, {"Tty", false}};
  Request request = post_json("/exec/" + exec + "/start", body);
  request.headers.emplace_back("Connection", "Upgrade");
  request.headers.emplace_back("Upgrade", "tcp");
  auto stream = co_await engine.open(std::move(request));
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  if ((*stream)->status() == 101 || (*stream)->status() == 200) {
    co_return (*stream)->hijack();
  }
  Response response;
  response.status = (*stream)->status();
  auto text = co_await (*stream)->read_all(Engine::kMaxBody);
  response.body = text ? std::move(*text) : "";
  co_return exec_refused(response, container);
}

}  // namespace

awaitable<Result<base::Fd>> dial_exec(Engine& engine, std::string container) {
  auto exec = co_await create_exec(engine, container);
  if (!exec) {
    co_return tl::make_unexpected(exec.error());
  }
  auto hijacked = co_await start_exec(engine, container, *exec);
  if (!hijacked) {
    co_return tl::make_unexpected(hijacked.error());
  }
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    co_return fail_errno("socketpair");
  }
  base::Fd far(pair[0]);
  auto executor = co_await asio::this_coro::executor;
  auto pump =
      std::make_unique<ExecPump>(std::move(*hijacked), local::socket(executor, local(), pair[1]));
  auto begun = co_await base::with_timeout(pump->wait_for_stdout(), kFirstByteLimit,
                                           "the agent's greeting through docker exec");
  if (!begun) {
    co_return tl::make_unexpected(begun.error());
  }
  asio::co_spawn(executor, run_owned(std::move(pump)), log_thrown);
  co_return far;
}

}  // namespace rdev::cluster::docker
