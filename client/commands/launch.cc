#include "client/commands/launch.h"

#include <openssl/crypto.h>

#include <ctime>
#include <utility>

#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/reach.h"
#include "client/link/attach.h"
#include "client/sshconfig/entry.h"
#include "client/state/front_keys.h"
#include "client/state/identity.h"
#include "client/state/instance_name.h"
#include "client/tunnels/attached.h"
#include "protocol/base/all_of.h"

namespace rdev::commands {
namespace {

constexpr char kLoginName[] = "rdev";  // the agent's alias of its own user
constexpr char kWaiting[] = "waiting for the agent";
// Of a job with more instances they are made one by one, when they are used.
constexpr int kMostLinks = 16;

std::string random_id() {
  constexpr char kHex[] = "0123456789abcdef";
  const ssh::Seed seed = ssh::random_seed();
  std::string id;
  for (std::size_t i = 0; i < 16; ++i) {
    id += kHex[seed[i] >> 4U];
    id += kHex[seed[i] & 0xfU];
  }
  return id;
}

// The public halves.
Result<void> fill_in_host_keys(const ssh::Seed& seed, bool derived, cluster::JobSpec& spec) {
  for (int instance = 0; instance < (derived ? spec.instances : 1); ++instance) {
    ssh::Seed own = derived ? ssh::instance_seed(seed, static_cast<std::uint32_t>(instance)) : seed;
    const auto key = ssh::PrivateKey::from_seed(own);
    OPENSSL_cleanse(own.data(), own.size());
    if (!key) {
      return tl::make_unexpected(key.error());
    }
    spec.instance_keys.push_back(key->public_key().text());
  }
  spec.host_public_key = spec.instance_keys.front();
  return {};
}

// The keys of a new job, and all of the spec that comes with them.
Result<ssh::PrivateKey> fill_in(const Context& context, const cluster::Cluster& cluster,
                                cluster::JobSpec& spec) {
  auto agent = spec.agent_binary.empty() ? state::find_shared_file("rdev-agent")
                                         : Result<std::filesystem::path>(spec.agent_binary);
  const auto owner = state::long_lived_key(context.paths);
  if (!agent) {
    return fail(agent.error().code,
                agent.error().message + ": build it (./dev build), or install rdev again");
  }
  if (!owner) {
    return tl::make_unexpected(owner.error());
  }
  ssh::Seed seed = ssh::random_seed();
  if (auto made = fill_in_host_keys(seed, cluster.derives_host_keys(), spec); !made) {
    return tl::make_unexpected(made.error());
  }
  ssh::PrivateKey user_key = ssh::PrivateKey::generate();
  spec.id = random_id();
  spec.owner = owner->public_key().fingerprint();
  spec.agent_binary = std::move(*agent);
  spec.host_seed.assign(seed.begin(), seed.end());
  OPENSSL_cleanse(seed.data(), seed.size());
  spec.authorized_keys = {user_key.public_key().text() + " rdev-" + spec.name,
                          owner->public_key().text() + " rdev"};
  return user_key;
}

state::JobRecord intent(const Context& context, const JobPlan& plan) {
  state::JobRecord record;
  record.name = plan.spec.name;
  record.id = plan.spec.id;
  record.cluster = plan.cluster;
  record.stage = state::Stage::kSubmitting;
  record.image = plan.spec.image;
  record.user = kLoginName;
  record.host_public_key = plan.spec.host_public_key;
  if (plan.spec.instances > 1) {
    record.instance_keys = plan.spec.instance_keys;
  }
  record.socket = state::job_socket(context.paths, record.name).string();
  record.created_unix_s = std::time(nullptr);
  record.ends_unix_s = plan.spec.lifetime ? record.created_unix_s + plan.spec.lifetime->count() : 0;
  return record;
}

// Fills in the endpoints of one instance by talking to its agent.
awaitable<Result<void>> reach_one(cluster::Cluster& cluster, state::JobRecord& record,
                                  const ssh::PrivateKey& key, std::chrono::seconds limit) {
  auto host_key = ssh::PublicKey::parse(record.host_public_key);
  if (!host_key) {
    co_return prefix("the job's host key", host_key.error());
  }
  const Reach reach{.cluster = cluster,
                    .ref = ref_of(record),
                    .ssh = {.user = record.user, .host_key = std::move(*host_key)},
                    .user_key = key,
                    .limit = limit};
  auto endpoints = co_await wait_for_agent(reach);
  if (!endpoints && !record.instance_keys.empty() && endpoints.error().code != Code::kClosed) {
    co_return prefix("instance " + std::to_string(reach.ref.instance), endpoints.error());
  }
  if (!endpoints) {
    co_return tl::make_unexpected(endpoints.error());
  }
  record.endpoints = std::move(*endpoints);
  co_return Result<void>{};
}

// The job's record last, so that a job that counts as running has all its files.
Result<void> save_all(const Context& context, const std::vector<state::JobRecord>& instances) {
  std::vector<sshconfig::Entry> entries;
  entries.reserve(instances.size());
  for (const state::JobRecord& record : instances) {
    const auto directory = state::job_files(context.paths, record.name).dir;
    if (auto made = base::make_private_dir(directory); !made) {
      return made;
    }
    auto entry = ssh_entry(context, record);
    if (!entry) {
      return tl::make_unexpected(entry.error());
    }
    entries.push_back(*std::move(entry));
  }
  if (auto written = sshconfig::write_entries(context.paths, entries); !written) {
    return written;
  }
  for (auto record = instances.rbegin(); record != instances.rend(); ++record) {
    if (auto saved = state::save(context.paths, *record); !saved) {
      return saved;
    }
  }
  return {};
}

// Reaches all instances, then writes ssh entries and records.
awaitable<Result<void>> reach_and_save(Context& context, cluster::Cluster& cluster,
                                       state::JobRecord& record, const ssh::PrivateKey& key,
                                       std::chrono::seconds limit = std::chrono::seconds(60)) {
  if (!record.instance_keys.empty()) {
    tunnels::raise_descriptor_limit();
  }
  std::vector<state::JobRecord> all = {record};
  for (int rank = 1; rank < state::instances_of(record); ++rank) {
    all.push_back(state::instance_of(record, rank));
  }
  std::vector<awaitable<Result<void>>> works;
  works.reserve(all.size());
  for (state::JobRecord& one : all) {
    works.push_back(reach_one(cluster, one, key, limit));
  }
  if (auto reached = co_await base::all_of(std::move(works)); !reached) {
    co_return reached;
  }
  // The job is there: that a warning may be missing is no reason to give it up.
  const auto shared = co_await cluster.shares_host_network(ref_of(record));
  for (state::JobRecord& one : all) {
    one.shares_host_network = shared.value_or(false);
    one.stage = state::Stage::kRunning;
  }
  // A job that is taken over has no directory yet; until its record is there, it is still only
  // lost.
  if (auto saved = save_all(context, all); !saved) {
    co_return saved;
  }
  record = std::move(all.front());
  co_return Result<void>{};
}

awaitable<Result<void>> make_link(const state::Paths& paths, std::string name) {
  const auto link = co_await link_process::Attached::attach(paths, name, {.what = "up"});
  if (!link && link.error().code != Code::kCancelled) {
    note("there is no link to " + name + " yet: " + link.error().message);  // the job is there
  }
  co_return Result<void>{};
}

awaitable<void> make_links(Context& context, state::JobRecord record) {
  std::vector<awaitable<Result<void>>> works;
  works.reserve(static_cast<std::size_t>(state::instances_of(record)));
  for (int rank = 0; rank < state::instances_of(record); ++rank) {
    works.push_back(make_link(context.paths, state::instance_name(record.name, rank)));
  }
  (void)co_await base::all_of(std::move(works));  // each has told what there was to tell
}

awaitable<Result<void>> submit_and_wait(Context& context, cluster::Cluster& cluster,
                                        cluster::JobSpec& spec, state::JobRecord& record,
                                        const ssh::PrivateKey& key, ui::Progress& progress) {
  const cluster::Cluster::Progress report = [&progress](const std::string& stage,
                                                        const std::string& detail) {
    progress.stage(stage, detail);
  };
  auto ref = co_await cluster.submit(spec, report);
  OPENSSL_cleanse(spec.host_seed.data(), spec.host_seed.size());
  if (!ref) {
    co_return tl::make_unexpected(ref.error());
  }
  record.native = ref->native;
  if (auto saved = state::save(context.paths, record); !saved) {
    co_return saved;
  }
  progress.stage(kWaiting);
  auto reached = co_await reach_and_save(context, cluster, record, key, cluster.reach_limit(spec));
  if (reached && cluster.is_far() && state::instances_of(record) <= kMostLinks) {
    progress.stage("making the link");
    co_await make_links(context, record);
  }
  if (reached) {
    progress.done();
  }
  co_return reached;
}

Result<void> write_intent(const Context& context, const state::JobRecord& record,
                          const ssh::PrivateKey& key) {
  if (auto saved = state::save(context.paths, record); !saved) {
    return saved;
  }
  auto saved = state::save_key(state::job_files(context.paths, record.name).key, key,
                               sshconfig::host_alias(record.name));
  const auto front = saved ? state::front_key(context.paths, record.name)
                           : Result<ssh::PrivateKey>(tl::make_unexpected(saved.error()));
  return front ? saved : tl::make_unexpected(front.error());
}

std::string how_to_start_anew(const std::string& name) {
  return "rdev down " + name + " removes it, then rdev up starts it anew";
}

}  // namespace

Result<std::string> preview(Context& context, JobPlan plan) {
  const auto cluster = context.clusters.get(plan.cluster);
  if (!cluster) {
    return tl::make_unexpected(cluster.error());
  }
  const auto key = fill_in(context, **cluster, plan.spec);
  if (!key) {
    return tl::make_unexpected(key.error());
  }
  return (*cluster)->preview(plan.spec);
}

awaitable<Result<state::JobRecord>> launch(Context& context, JobPlan plan, ui::Progress& progress,
                                           int* signal) {
  const auto cluster = context.clusters.get(plan.cluster);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const auto key = fill_in(context, **cluster, plan.spec);
  if (!key) {
    co_return tl::make_unexpected(key.error());
  }
  auto pin = cluster::Clusters::pin(plan.cluster);
  if (!pin) {
    co_return tl::make_unexpected(pin.error());
  }
  state::JobRecord record = intent(context, plan);
  record.pin = std::move(*pin);
  auto done = write_intent(context, record, *key);
  if (done) {
    done = co_await interruptible(
        submit_and_wait(context, **cluster, plan.spec, record, *key, progress), signal);
  }
  if (done) {
    co_return record;
  }
  progress.interrupt();
  progress.stage("removing what was made");
  Error error = std::move(done.error());
  if (*signal != 0) {
    error.message = record.name + " was cancelled";
  }
  if (auto removed = co_await remove_job(context, record); !removed) {
    error.message += "; and what was made could not be removed yet: " + removed.error().message;
    progress.interrupt();
  }
  progress.done();
  co_return tl::make_unexpected(std::move(error));
}

awaitable<Result<state::JobRecord>> reattach(Context& context, state::JobRecord record,
                                             ui::Progress& progress) {
  const auto cluster = cluster_of(context, record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  progress.stage("asking " + record.cluster);
  const cluster::JobRef ref = ref_of(record);
  const auto status = co_await (*cluster)->status(ref);
  if (!status) {
    co_return tl::make_unexpected(status.error());
  }
  if (status->state == cluster::JobState::kEnded || status->state == cluster::JobState::kGone) {
    co_return fail(Code::kExists, end_sentence(record.name, *status) + " (" +
                                      how_to_start_anew(record.name) + ")");
  }
  const auto key = state::load_key(identity_file(context, record.name));
  if (!key) {
    co_return prefix("the key of the running job", key.error());
  }
  progress.stage(kWaiting);
  if (auto reached = co_await reach_and_save(context, **cluster, record, *key); !reached) {
    if (reached.error().code == Code::kClosed) {  // it has ended meanwhile
      reached.error().message += "\n" + how_to_start_anew(record.name);
      co_return tl::make_unexpected(std::move(reached.error()));
    }
    co_return prefix("the job " + record.name + " runs", reached.error());
  }
  progress.done();
  co_return record;
}

awaitable<Result<std::optional<state::JobRecord>>> take_over(Context& context,
                                                             std::string cluster_name,
                                                             std::string name,
                                                             ui::Progress& progress) {
  const auto listed = co_await list_by_label(context, {cluster_name});
  if (!listed) {
    co_return tl::make_unexpected(listed.error());
  }
  if (!listed->unreachable.empty()) {
    co_return tl::make_unexpected(listed->unreachable.front());
  }
  for (const ClusterJob& found : listed->jobs) {
    if (found.job.ref.name == name) {
      auto record = co_await take_over(context, found, progress);
      if (!record) {
        co_return tl::make_unexpected(record.error());
      }
      co_return std::move(*record);
    }
  }
  co_return std::nullopt;
}

awaitable<Result<state::JobRecord>> take_over(Context& context, ClusterJob found,
                                              ui::Progress& progress) {
  auto pin = cluster::Clusters::pin(found.cluster);
  if (!pin) {
    co_return tl::make_unexpected(pin.error());
  }
  state::JobRecord lost = record_from(found);
  lost.pin = std::move(*pin);
  co_return co_await reattach(context, std::move(lost), progress);
}

}  // namespace rdev::commands
