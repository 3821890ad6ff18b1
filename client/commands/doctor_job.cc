#include <chrono>
#include <memory>
#include <utility>

#include "client/commands/doctor.h"
#include "client/commands/doctor_image.h"
#include "client/commands/env_ask.h"
#include "client/commands/jobs.h"
#include "client/commands/link_report.h"
#include "client/commands/wait_notice.h"
#include "client/link/attach.h"
#include "client/sftp/client.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

using link_process::Attached;

constexpr std::chrono::seconds kClusterLimit{5};
constexpr std::chrono::seconds kLinkLimit{10};
constexpr std::chrono::seconds kLookLimit{20};
constexpr std::size_t kMaxIdentity = 64U << 10U;
constexpr std::size_t kMaxMounts = 1U << 20U;

awaitable<Result<std::unique_ptr<sftp::Client>>> open_sftp(Attached& link) {
  StreamRequest request;
  request.mutable_session()->set_kind(Session::SFTP);
  auto opened = co_await link.open(request);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  co_return co_await sftp::Client::start(std::move(opened->stream));
}

template <class T>
std::optional<T> if_known(Result<T> result) {
  return result ? std::optional<T>(*std::move(result)) : std::nullopt;
}

awaitable<Result<JobView>> look_inside(Attached& link) {
  JobView view;
  auto environment = co_await ask_session_environment(link);
  auto client = environment ? co_await open_sftp(link) : tl::make_unexpected(environment.error());
  if (!client) {
    co_return tl::make_unexpected(client.error());
  }
  view.environment = *std::move(environment);
  const std::vector<std::string> paths = files_of_interest(view.environment);
  const auto files = co_await (*client)->stat(paths);
  if (!files) {
    co_return tl::make_unexpected(files.error());
  }
  for (std::size_t i = 0; i < files->size(); ++i) {
    if ((*files)[i]) {
      view.files[paths[i]] = *(*files)[i];
    }
  }
  view.root = if_known(co_await (*client)->statvfs("/"));
  view.temporary = if_known(co_await (*client)->statvfs("/tmp"));
  view.identity = (co_await (*client)->read("/proc/self/status", kMaxIdentity)).value_or("");
  view.mounts = (co_await (*client)->read("/proc/self/mountinfo", kMaxMounts)).value_or("");
  co_return view;
}

// What the cluster says of it.
awaitable<bool> look_at_cluster(Context& context, const state::JobRecord& record, Chain& chain) {
  const auto cluster = cluster_of(context, record);
  const auto status =
      cluster ? co_await base::with_timeout((*cluster)->status(ref_of(record)), kClusterLimit,
                                            "the answer of " + record.cluster)
              : tl::make_unexpected(cluster.error());
  if (!status) {
    chain.add(warning("state", status.error().message,
                      "rdev doctor says more; a link that is up needs no cluster"));
    co_return true;
  }
  const std::string state = state_name(status->state) + std::string(" on ") + record.cluster;
  if (cluster::is_over(*status)) {
    chain.add(fault("state", end_sentence(record.name, *status),
                    "rdev logs " + record.name + "; rdev up starts it anew"));
    co_return false;
  }
  chain.add(ok("state", state));
  co_return true;
}

std::string endpoints_text(const state::JobRecord& record) {
  std::string text;
  for (const std::string& endpoint : record.endpoints) {
    text += (text.empty() ? "" : ", ") + endpoint;
  }
  return text;
}

awaitable<std::unique_ptr<Attached>> look_at_link(Context& context, const std::string& name,
                                                  Chain& chain) {
  WaitNotice notice(context.executor, name);
  link_process::AttachOptions options;
  options.what = "doctor";
  options.limit = kLinkLimit;
  options.waiting = [&notice](const std::string& why) { notice.reason(why); };
  auto link = co_await Attached::attach(context.paths, name, std::move(options));
  co_await notice.end();
  if (!link) {
    chain.add(fault("link", link.error().message,
                    "rdev logs " + name +
                        " says whether its agent runs; rdev doctor looks at the "
                        "way there"));
    co_return nullptr;
  }
  const LinkReport report = co_await ask_link(context.paths, name);
  std::vector<std::vector<std::string>> lines;
  add_to(lines, report);
  const std::string text = lines.empty() ? "up" : lines.front().back();
  chain.add(link_text(report) == "suspect"
                ? warning("link", text, "wait: another connection is made beside it")
                : ok("link", text));
  co_return *std::move(link);
}

}  // namespace

awaitable<Findings> check_job(Context& context, std::string name) {
  Chain chain("job " + name + ": ", {"known here", "state", "endpoint", "link", "inside"});
  const auto record = co_await find_job(context, name);
  if (!record) {
    chain.add(fault("known here", record.error().message, "rdev ls lists the jobs"));
    co_return chain.take();
  }
  chain.add(ok("known here",
               record->image.empty() ? record->cluster : record->image + " on " + record->cluster));
  if (!co_await look_at_cluster(context, *record, chain)) {
    co_return chain.take();
  }
  const std::string endpoints = endpoints_text(*record);
  chain.add(endpoints.empty() ? info("endpoint", "none is known yet") : ok("endpoint", endpoints));
  const auto link = co_await look_at_link(context, name, chain);
  if (!link) {
    co_return chain.take();
  }
  const auto view =
      co_await base::with_timeout(look_inside(*link), kLookLimit, "looking into the job");
  if (!view) {
    chain.add(fault("inside", view.error().message,
                    "is the agent older than this rdev? rdev down and rdev up start it anew"));
    co_return chain.take();
  }
  chain.add(ok("inside", "looked at by SFTP, nothing was run"));
  Findings all = chain.take();
  const Findings inside = judge(*view);
  all.insert(all.end(), inside.begin(), inside.end());
  co_return all;
}

awaitable<Findings> check_link(const state::Paths& paths, std::string job) {
  const LinkReport report = co_await ask_link(paths, job);
  std::vector<std::vector<std::string>> lines;
  add_to(lines, report);
  const std::string text = lines.empty() ? "" : "link " + lines.front().back();
  const std::string state = link_text(report);
  const std::string check = "job " + job;
  Findings findings;
  if (state == "up") {
    findings.push_back(ok(check, text));
  } else if (state == "none") {
    findings.push_back(info(check, "no link: the first command that needs one starts it"));
  } else {
    findings.push_back(warning(check, text, "rdev doctor " + job + " looks closer"));
  }
  co_return findings;
}

}  // namespace rdev::commands
