#include "client/cluster/docker/exec.h"

#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>

#include "client/cluster/docker/create_body.h"
#include "client/cluster/docker/exec_pump.h"
#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

using local = asio::local::stream_protocol;

// The agent listens within milliseconds of the container's start.
constexpr auto kFirstByteLimit = std::chrono::seconds(20);

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

awaitable<Result<base::Fd>> dial_exec(Engine& engine, asio::any_io_executor executor,
                                      std::string container) {
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
  auto pump =
      std::make_unique<ExecPump>(std::move(*hijacked), local::socket(executor, local(), pair[1]));
  auto begun = co_await base::with_timeout(pump->wait_for_greeting(), kFirstByteLimit,
                                           "the agent's greeting through docker exec");
  if (!begun) {
    co_return tl::make_unexpected(begun.error());
  }
  asio::co_spawn(executor, run_owned(std::move(pump)), log_thrown);
  co_return far;
}

}  // namespace rdev::cluster::docker
