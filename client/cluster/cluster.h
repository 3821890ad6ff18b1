#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/pool.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::cluster {

struct Mount {
  std::string host;  // a path where the engine runs
  std::string path;  // in the job
  bool read_only = false;
};

// What the agent refuses to every peer; the numbers are those of AgentConfig.Deny.
enum class Denied { kLocalTcp = 1, kRemoteTcp = 2, kUnixSockets = 3, kAgent = 4 };

// How the agent comes into a job of a cluster that has no way to copy files in. All are checked by
// the agent's SHA-256.
struct Injection {
  enum class Rung {
    kStub,  // a program inlined in the job's commands takes it from the laptop
    kUrl,   // the job fetches it
    kPath,  // it lies in a storage that the job mounts
    kImage  // it is in the image, at `place` or in the PATH
  };
  Rung rung = Rung::kStub;
  std::string place;
};

// What a job is made of: the template with the command line's options over it, and the keys.
struct JobSpec {
  std::string name;   // [a-z][a-z0-9-]{0,30}
  std::string id;     // random, made at submission
  std::string owner;  // fingerprint of the user's long-lived key

  std::string image;
  std::string user;  // empty: the image's
  std::vector<std::string> command;
  bool entrypoint = true;  // the image's ENTRYPOINT comes before the command
  std::map<std::string, std::string> env;
  std::optional<int> gpus;  // -1: all
  std::optional<double> cpus;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> shm_bytes;
  bool privileged = false;
  bool read_only = false;  // root file system
  std::vector<Mount> mounts;
  std::vector<std::uint16_t> ports;    // of the job, published like the agent's
  std::optional<std::string> publish;  // ADDRESS or ADDRESS:PORT for the agent's port

  // Of clusters that take a job as a document (OpenPAI): the template itself. The fields above and
  // below go over it.
  struct Document {
    std::string text, file;  // `file` is for messages
  };
  std::optional<Document> document;
  std::string virtual_cluster;        // empty: the cluster's default
  std::string priority;               // "prod", "test", "oppo"; empty: the cluster's default
  std::string sku;                    // kind of node; empty: any
  int instances = 1;                  // tasks of the one role, each with an agent
  std::vector<std::string> storages;  // by name, mounted by the cluster
  std::vector<std::string> setup;     // lines for the job's shell, before the agent starts
  Injection injection;
  std::chrono::seconds attach_timeout = std::chrono::minutes(15);  // without a client

  std::filesystem::path agent_binary;
  std::string host_seed;                     // 32 bytes; in memory only
  std::string host_public_key;               // "ssh-ed25519 AAAA…", public: labels may carry it
  std::vector<std::string> instance_keys;    // the same of each instance, where they are derived
  std::vector<std::string> authorized_keys;  // lines
  std::optional<std::chrono::seconds> lifetime;
  bool exit_with_command = false;
  bool login_shell = false;
  bool quiet = false;  // the agent logs warnings and errors only
  std::vector<Denied> deny;
};

// How a job is named to its cluster.
struct JobRef {
  std::string name;
  std::string id;      // JobSpec::id
  std::string native;  // the cluster's own: container id, process id; empty before submit() is done
  int instance = 0;    // which one endpoints(), dial() and logs() are about
};

enum class JobState { kStarting, kRunning, kEnded, kGone };

struct InstanceStatus {
  JobState state = JobState::kStarting;
  std::optional<int> exit_code;
  std::string node;  // empty where the cluster does not say
};

struct JobStatus {
  JobState state = JobState::kGone;
  std::optional<int> exit_code;     // of an ended job
  std::string reason;               // a sentence when it did not end well; else empty
  std::optional<int> culprit = {};  // the instance that failed first, where that is known
  std::vector<InstanceStatus> instances = {};  // by rank; empty where jobs have one only
};

// A job as the cluster lists it, also when the laptop's state is lost.
struct ListedJob {
  JobRef ref;
  JobStatus status;
  std::string image;
  std::string host_public_key;
  std::vector<std::string> instance_keys = {};  // as JobSpec's, of several instances
  std::string user;  // that the agent runs as, where the cluster knows it
  std::int64_t created_unix_s = 0;
};

// A way to reach an agent: "tcp:127.0.0.1:32768", "unix:/path", "docker-exec:CONTAINER".
using Endpoint = std::string;

// Where jobs run. Everything returns within the cluster's own time limits; a name that no job has
// is Code::kNotFound; an engine that cannot be reached is Code::kUnavailable with what to try.
class Cluster {
 public:
  virtual ~Cluster() = default;

  // Refuses, before anything is made, what this cluster cannot do (Code::kUsage).
  virtual Result<void> check(const JobSpec& spec) const = 0;

  // What submit() would send, for people, secrets masked.
  virtual Result<std::string> preview(const JobSpec&) const {
    return fail(Code::kUsage, "--preview is for clusters that take a job as a document (OpenPAI)");
  }

  // Called by submit() as each stage begins: "pulling IMAGE", "starting container"; `detail` is
  // what moves within it ("43 %"), for a terminal.
  using Progress = std::function<void(const std::string& stage, const std::string& detail)>;

  // Starts the job with the agent in it. When it fails or is cancelled nothing is left behind.
  virtual awaitable<Result<JobRef>> submit(const JobSpec& spec, Progress progress) = 0;

  virtual awaitable<Result<JobStatus>> status(const JobRef& ref) = 0;

  // Best first. Empty while the job has none yet.
  virtual awaitable<Result<std::vector<Endpoint>>> endpoints(const JobRef& ref) = 0;

  // A stream socket to the agent's SSH server; may be one end of a socketpair whose other end this
  // object pumps, so it works as long as the object and its executor do.
  virtual awaitable<Result<base::Fd>> dial(const JobRef& ref, const Endpoint& endpoint) = 0;

  enum class Follow { kNo, kYes };
  using LogSink = std::function<void(std::string_view bytes)>;
  // The job's output, from its start; with kYes until it ends.
  virtual awaitable<Result<void>> logs(const JobRef& ref, Follow follow, LogSink sink) = 0;

  // Ends the job and removes all that submit() made. Fine when it is gone already. `ref.native` may
  // be empty: the job is then found by its labels.
  virtual awaitable<Result<void>> stop(const JobRef& ref) = 0;

  // Whether each instance of a job has a host key of its own, from ssh::instance_seed().
  virtual bool derives_host_keys() const { return false; }

  // Whether its jobs are behind a network, so that `up` makes the link as well: what comes next
  // need not wait for it.
  virtual bool is_far() const { return false; }

  // How long a job that runs may take until its agent answers.
  virtual std::chrono::seconds reach_limit(const JobSpec&) const {
    return std::chrono::seconds(60);
  }

  // Whether the job has the network of the machine it runs on: what listens on its loopback is
  // there for everybody on that machine.
  virtual awaitable<Result<bool>> shares_host_network(const JobRef&) { co_return false; }

  // What its jobs share; none where the cluster does not say.
  virtual awaitable<Result<std::vector<Pool>>> pools() { co_return std::vector<Pool>(); }

  // Whether a job may come into being after its submitter has died and stop() has found nothing.
  virtual bool may_come_late() const { return false; }

  // All jobs of `owner`, ended ones that were not removed included.
  virtual awaitable<Result<std::vector<ListedJob>>> list(const std::string& owner) = 0;
};

}  // namespace rdev::cluster
