#include "client/cluster/docker/submit.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <ctime>

#include "client/cluster/docker/auth.h"
#include "client/cluster/docker/create_body.h"
#include "client/cluster/docker/errors.h"
#include "client/cluster/docker/injection.h"
#include "client/cluster/docker/remove.h"
#include "client/cluster/docker/users.h"
#include "protocol/base/file.h"

namespace rdev::cluster::docker {
namespace {

constexpr std::size_t kMaxAgent = 64 << 20;
constexpr auto kStartLimit = std::chrono::minutes(3);

Request make_request(std::string method, std::string target) {
  Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  return request;
}

// One submission; `made` says what there is to remove when it does not come to its end.
class Submission final {
 public:
  Submission(Engine& engine, const DockerConfig& config, const JobSpec& spec,
             const Cluster::Progress& progress)
      : engine_(engine),
        config_(config),
        spec_(spec),
        progress_(progress),
        name_(container_name(spec.name, spec.id)) {}

  awaitable<Result<JobRef>> run();
  // The container's name, once it may exist.
  const std::string& made() const { return made_; }

 private:
  awaitable<Result<void>> get_image();
  awaitable<Result<void>> pull();
  awaitable<std::string> credentials_key(const ImageName& name);
  awaitable<Result<void>> create();
  awaitable<Result<void>> fill_volume();
  awaitable<Result<void>> start();

  std::vector<PortBinding> ports();

  Engine& engine_;
  const DockerConfig& config_;
  const JobSpec& spec_;
  const Cluster::Progress& progress_;
  const std::string name_;
  ImageFacts facts_;
  bool published_ = false;
  std::string agent_;
  std::string made_;
  std::string container_;
};

awaitable<Result<JobRef>> Submission::run() {
  auto agent = base::read_file(spec_.agent_binary, kMaxAgent);
  if (!agent) {
    co_return prefix("the agent's program", agent.error());
  }
  agent_ = std::move(*agent);
  if (auto got = co_await get_image(); !got) {
    co_return tl::make_unexpected(got.error());
  }
  progress_("creating container", "");
  if (auto created = co_await create(); !created) {
    co_return tl::make_unexpected(created.error());
  }
  progress_("copying agent", "");
  if (auto filled = co_await fill_volume(); !filled) {
    co_return tl::make_unexpected(filled.error());
  }
  progress_("starting container", "");
  if (auto started = co_await start(); !started) {
    co_return tl::make_unexpected(started.error());
  }
  JobRef ref;
  ref.name = spec_.name;
  ref.id = spec_.id;
  ref.native = container_;
  co_return ref;
}

awaitable<Result<void>> Submission::get_image() {
  progress_("looking for image " + spec_.image, "");
  auto facts = co_await inspect_image(engine_, spec_.image);
  if (facts && !*facts) {
    if (auto pulled = co_await pull(); !pulled) {
      co_return pulled;
    }
    facts = co_await inspect_image(engine_, spec_.image);
  }
  if (!facts) {
    co_return tl::make_unexpected(facts.error());
  }
  if (!*facts) {
    co_return fail(Code::kNotFound, "image " + spec_.image + " was pulled and is gone again");
  }
  facts_ = std::move(**facts);
  co_return check_runnable(spec_.image, facts_);
}

awaitable<Result<void>> Submission::pull() {
  auto name = parse_image(spec_.image);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  // An image that all may have comes without credentials too, as with the docker command.
  const auto auth = co_await registry_auth(config_, co_await credentials_key(*name));
  auto pulled = co_await pull_image(engine_, spec_.image, auth.value_or(""), progress_);
  if (!pulled && !auth) {
    co_return fail(pulled.error().code, pulled.error().message + "; " + auth.error().message);
  }
  co_return pulled;
}

// What config.json calls the image's registry. The default one has an address of old there, which
// the engine knows.
awaitable<std::string> Submission::credentials_key(const ImageName& name) {
  if (name.registry != kDefaultRegistry) {
    co_return name.registry;
  }
  const auto info = co_await get_json(engine_, "/info");
  const std::string address = info && *info ? text_at(**info, "/IndexServerAddress") : "";
  co_return address.empty() ? name.registry : address;
}

std::vector<PortBinding> Submission::ports() {
  const bool local = is_local(engine_.address());
  const auto where = publication(spec_, local ? Place::kLocal : Place::kRemote);
  if (!where || !*where) {
    return {};
  }
  published_ = true;
  auto bindings =
      port_bindings(spec_, **where, [&](const std::string& address, std::uint16_t port) {
        return !local || is_free_here(address, port);
      });
  for (std::size_t i = 1; i < bindings.size(); ++i) {
    if (bindings[i].outside.empty()) {
      progress_("creating container", "port " + std::to_string(bindings[i].inside) +
                                          " is taken here, the job's is published on another");
    }
  }
  return bindings;
}

awaitable<Result<void>> Submission::create() {
  Request request = make_request("POST", http::with_query("/containers/create", "name", name_));
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = json::serialize(create_body(spec_, facts_, ports()));
  made_ = name_;
  // Not cancelled half-way: the engine would go on and make what nobody removes.
  auto call =
      asio::co_spawn(co_await asio::this_coro::executor, engine_.call(std::move(request)),
                     asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
  auto response = co_await std::move(call);
  if (!response) {
    co_return tl::make_unexpected(response.error());
  }
  if (response->status == 409) {
    made_.clear();  // somebody else's container
  }
  if (response->status != 201) {
    co_return tl::make_unexpected(
        submit_error(Step::kCreate, response->status, response->message(), spec_));
  }
  auto created = parse_json(response->body, "the engine's answer to the container's creation");
  if (!created) {
    co_return tl::make_unexpected(created.error());
  }
  container_ = text_at(*created, "/Id");
  co_return Result<void>();
}

awaitable<Result<void>> Submission::fill_volume() {
  auto owner =
      co_await container_owner(engine_, container_, spec_.user.empty() ? facts_.user : spec_.user);
  if (!owner) {
    co_return tl::make_unexpected(owner.error());
  }
  const auto listen = published_ ? Listen::kPublishedPort : Listen::kSocketOnly;
  Request request = make_request(
      "PUT", http::with_query("/containers/" + container_ + "/archive", "path", kVolume));
  request.headers.emplace_back("Content-Type", "application/x-tar");
  request.body = volume_archive(agent_, agent_config(spec_, listen), *owner, std::time(nullptr));
  auto response = co_await engine_.call(std::move(request), kStartLimit);
  if (!response) {
    co_return tl::make_unexpected(response.error());
  }
  if (!response->ok()) {
    co_return tl::make_unexpected(
        submit_error(Step::kCopy, response->status, response->message(), spec_));
  }
  co_return Result<void>();
}

awaitable<Result<void>> Submission::start() {
  auto response = co_await engine_.call(
      make_request("POST", "/containers/" + container_ + "/start"), kStartLimit);
  if (!response) {
    co_return tl::make_unexpected(response.error());
  }
  if (!response->ok()) {
    co_return tl::make_unexpected(
        submit_error(Step::kStart, response->status, response->message(), spec_));
  }
  co_return Result<void>();
}

std::string what_happened(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  }
}

// In a coroutine thread of its own, whose cancellation does not keep it from cleaning up.
awaitable<Result<JobRef>> run_or_clean_up(Submission& submission, Engine& engine) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto [thrown, result] =
      co_await asio::co_spawn(co_await asio::this_coro::executor, submission.run(), use_tuple);
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    result = fail(Code::kCancelled, "cancelled");
  } else if (thrown) {
    result = fail(Code::kFailed, "docker: " + what_happened(thrown));
  }
  if (result || submission.made().empty()) {
    co_return result;
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (auto removed = co_await remove_container(engine, submission.made()); !removed) {
    result.error().message += "; and the container " + submission.made() +
                              " may be left behind: " + removed.error().message;
  }
  co_return result;
}

}  // namespace

awaitable<Result<JobRef>> submit_job(Engine& engine, const DockerConfig& config,
                                     const JobSpec& spec, const Cluster::Progress& progress) {
  Submission submission(engine, config, spec, progress);
  co_return co_await asio::co_spawn(co_await asio::this_coro::executor,
                                    run_or_clean_up(submission, engine), asio::use_awaitable);
}

}  // namespace rdev::cluster::docker
