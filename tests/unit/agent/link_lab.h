#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/authorizer.h"
#include "agent/link/links.h"
#include "agent/link_kinds.h"
#include "agent/services_table.h"
#include "protocol/base/log.h"
#include "protocol/ssh/client.h"
#include "tests/unit/run.h"

// All of an agent but its process: a link over SSH, and the real services at its end.
namespace rdev::agent {

using stream::Lane;
using testing::HasSubstr;
using Stream = std::unique_ptr<stream::Stream>;

struct LaptopHandler final : link::Endpoint::Handler {
  explicit LaptopHandler(const asio::any_io_executor& executor) : changed(executor) {}
  void on_open(std::string_view request, mux::StreamId,
               std::unique_ptr<link::Offer> offer) override {
    StreamRequest wanted;
    EXPECT_TRUE(wanted.ParseFromArray(request.data(), static_cast<int>(request.size())));
    accepted = wanted.accepted();
    child = offer->accept();
    changed.notify();
  }
  Result<void> on_frame(const wire::Frame&) override { return {}; }

  Accepted accepted;
  Stream child;
  base::Notify changed;
};

inline awaitable<std::string> read_all(stream::Stream& stream, Lane lane = Lane::kData) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), lane);
    if (!n || *n == 0) {
      co_return text + (n ? "" : "!" + n.error().message);
    }
    text.append(buffer, *n);
  }
}

class LinkLab : public testing::Test {
 protected:
  LinkLab() {
    base::set_log_level(base::LogLevel::kOff);
    test::run(context, connect());
  }
  ~LinkLab() override {
    handler.child.reset();
    test::run(context, stop());
    base::set_log_level(base::LogLevel::kInfo);
  }

  awaitable<bool> connect() {
    auto made =
        co_await ssh::Client::connect(dial(), {.user = "rdev", .host_key = host_public}, user_key);
    EXPECT_TRUE(made) << made.error().message;
    client = std::move(*made);
    auto opened = co_await client->subsystem("rdev-link");
    EXPECT_TRUE(opened) << opened.error().message;
    carrier = std::move(*opened);
    Hello hello;
    hello.set_major(1);
    hello.set_job_name("job");
    hello.set_session_id(std::string(16, 'i'));
    hello.set_session_secret(std::string(32, 's'));
    endpoint.send(wire::Type::kHello, hello.SerializeAsString());
    tasks.spawn("laptop", carry());
    co_return true;
  }
  base::Fd dial() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    server.serve(base::Fd(ends[0]));
    return base::Fd(ends[1]);
  }
  awaitable<void> carry() {
    (void)co_await endpoint.run(*carrier);
    carrier->close();
  }
  awaitable<bool> stop() {
    co_await links.stop("the test is over");
    co_await server.stop();
    co_await listeners.stop();
    co_await agents.stop();
    tasks.cancel();
    co_await tasks.wait();
    co_return true;
  }
  services::SessionSettings settings() const {
    return {.job_environment = environment, .own = account};
  }
  agent_link::Options link_options() {
    return {.self = {.job_name = "job", .program = "rdev-agent 0.1.0"},
            .kinds = link_kinds({.sessions = sessions,
                                 .forwards = forwards,
                                 .listeners = listeners,
                                 .agents = agents,
                                 .server = server,
                                 .lifetime = lifetime,
                                 .tidy = tidy}),
            .vitals = [] { return Vitals(); }};
  }

  awaitable<Result<link::Opened>> opening(StreamRequest request) {
    co_return co_await endpoint.open(request.SerializeAsString());
  }
  Result<link::Opened> open(const StreamRequest& request) {
    return test::run(context, opening(request));
  }
  std::string refusal(const StreamRequest& request) {
    const auto opened = open(request);
    return opened ? "accepted" : opened.error().message;
  }
  static awaitable<bool> written(stream::Stream& stream, std::string text) {
    const bool done = (co_await stream.write(asio::buffer(text), Lane::kData)).has_value();
    stream.write_eof();
    co_return done;
  }
  void until(const std::function<bool()>& condition) {
    context.restart();
    while (!condition()) {
      ASSERT_EQ(context.run_one_for(std::chrono::seconds(20)), 1u) << "nothing happens any more";
    }
  }
  awaitable<std::string> exchange_all(stream::Stream& stream, std::string text) {
    EXPECT_TRUE(co_await stream.write(asio::buffer(text), Lane::kData));
    stream.write_eof();
    co_return co_await read_all(stream);
  }
  std::string exchange(stream::Stream& stream, std::string text) {
    return test::run(context, exchange_all(stream, std::move(text)));
  }
  awaitable<std::optional<std::uint32_t>> status_of(stream::Stream& stream) {
    const auto event = co_await stream.read_event();
    const auto* status = event ? std::get_if<stream::ExitStatus>(&*event) : nullptr;
    co_return status != nullptr ? std::optional(status->code) : std::nullopt;
  }

  asio::io_context context;
  const asio::any_io_executor executor = context.get_executor();
  const ssh::Seed host_seed = ssh::random_seed();
  const ssh::PublicKey host_public = ssh::PrivateKey::from_seed(host_seed)->public_key();
  const ssh::PrivateKey user_key = ssh::PrivateKey::generate();
  const process::Environment environment{{"PATH=/usr/bin:/bin"}};
  const process::Account account = process::own_account(environment);
  process::Reaper reaper{executor};
  services::Sessions sessions{reaper, {}, settings()};
  services::Forwards forwards{executor};
  services::Listeners listeners{executor};
  services::AgentForwards agents{executor, account, ""};
  Lifetime lifetime{executor, {.job_name = "job", .limit = std::chrono::hours(1)}};
  Tidy tidy{executor};
  agent_link::Links links{executor, link_options()};
  KeyAuthorizer authorizer{{user_key.public_key()}, account};
  sshd::Server server{executor, ssh::PrivateKey::from_seed(host_seed).value(), authorizer,
                      services_table({.sessions = sessions,
                                      .forwards = forwards,
                                      .listeners = listeners,
                                      .agents = agents,
                                      .links = links,
                                      .tidy = tidy})};
  LaptopHandler handler{executor};
  link::Endpoint endpoint{executor, {.side = mux::Side::kClient, .consumer = 9}, handler};
  std::unique_ptr<ssh::Client> client;
  Stream carrier;
  base::TaskGroup tasks{executor};
};

inline StreamRequest exec(std::initializer_list<const char*> argv) {
  StreamRequest request;
  for (const char* word : argv) {
    request.mutable_session()->add_argv(word);
  }
  return request;
}

}  // namespace rdev::agent
