#include "client/cluster/openpai/error_table.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::string_view kLogin = "log in again: `rdev cluster %L %C`";
constexpr std::string_view kAddress = "check its address (`rdev cluster add`)";
constexpr std::string_view kTemplate = "correct the job's template (--template)";
constexpr std::string_view kAdmin = "ask the cluster's administrator";
constexpr std::string_view kAgain = "try again in a while, then ask the cluster's administrator";

// Messages of the REST server 1.8 and, where they differ, of 0.17 and 1.0.
constexpr Known kKnown[] = {
    // Who the user is.
    {0, "IncorrectPasswordError", "", Code::kPermission, "wrong password for %U", kLogin},
    {0, "NoUserError", "User * is not found", Code::kNotFound, "the cluster knows no user %1",
     "give the right name to `rdev cluster %L %C`"},
    {0, "NoUserError", "", Code::kNotFound, "the cluster does not know the user", kLogin},
    {400, "", "\"password\" length must", Code::kUsage,
     "the password is too short for this cluster",
     "it has at least 6 characters; try again: `rdev cluster %L %C`"},
    {400, "", "\"password\" is", Code::kUsage, "no password was given",
     "`rdev cluster %L %C` asks for it"},
    {401, "", "Guest is", Code::kPermission, "the cluster wants a token, and none was sent",
     kLogin},
    {401, "UnauthorizedUserError", "", Code::kPermission, "the token is wrong, expired or revoked",
     kLogin},
    {403, "", "Applications are", Code::kPermission, "an application's token is not for this",
     "log in as a user: `rdev cluster %L %C`"},
    // What the user may do.
    {403, "", "Non-admin is", Code::kPermission, "it is for administrators only", kAdmin},
    {403, "", "User * is not allowed to execute job *", Code::kPermission,
     "the job %2 is not one of %1's", "log in as its owner (`rdev cluster %L %C`), or ask them"},
    {403, "", "User * is not allowed to do operation in *", Code::kPermission,
     "%1 may not use the virtual cluster %2, or there is none of that name",
     "choose another with --vc"},
    {403, "", "User * is not allowed to access *", Code::kPermission,
     "%1 may not use the storage %2", "choose another with --storage"},
    // What is not there.
    {0, "NoJobError", "Job * is not found", Code::kNotFound, "the cluster has no job %1",
     "`rdev ls` shows what there is"},
    {0, "NoJobError", "", Code::kNotFound, "the cluster has no such job",
     "`rdev ls` shows what there is"},
    {0, "NoJobConfigError", "", Code::kFailed, "the cluster has lost the job's document",
     "`rdev down` and `rdev up` make it anew"},
    {0, "NoJobSshInfoError", "", Code::kFailed, "the cluster itself has no ssh for its jobs",
     "use `rdev ssh`"},
    {0, "NoTaskLogError", "", Code::kUnavailable, "the job has not written a log yet",
     "wait until it runs, then try again"},
    {0, "NoTaskError", "", Code::kFailed, "the job has no such instance",
     "`rdev status` shows them"},
    {0, "NoTagError", "", Code::kFailed, "the job has no such tag", "`rdev status` shows the job"},
    {0, "NoStorageError", "Storage * is not found", Code::kNotFound,
     "the cluster has no storage %1", "choose another with --storage"},
    {0, "NoStorageError", "", Code::kNotFound, "the cluster has no such storage",
     "choose another with --storage"},
    {500, "", "Server not found", Code::kNotFound, "the cluster has no storage server of that name",
     "choose another storage with --storage"},
    {0, "NoVirtualClusterError", "Virtual cluster * is not found", Code::kNotFound,
     "there is no virtual cluster %1", "choose another with --vc"},
    {0, "NoVirtualClusterError", "Vc * not found", Code::kNotFound,
     "there is no virtual cluster %1", "choose another with --vc"},
    {0, "NoVirtualClusterError", "", Code::kNotFound, "there is no such virtual cluster",
     "choose another with --vc"},
    {400, "", "VC name should", Code::kUsage,
     "a virtual cluster's name has only letters, digits and underscores", "correct --vc"},
    {0, "NoGroupError", "", Code::kNotFound, "the cluster does not know the user's group", kAdmin},
    {0, "NoApiError", "API * is not found", Code::kFailed, "the server does not know %1",
     "rdev needs OpenPAI 0.17 or later; check the address with `rdev cluster add`"},
    // What is there already.
    {0, "ConflictJobError", "Job name * already exists", Code::kExists,
     "the cluster has a job %1 already (an ended one counts too)",
     "choose another NAME for `rdev up`"},
    {0, "ConflictJobError", "Job * already exists", Code::kExists,
     "the cluster has a job %1 already (an ended one counts too)",
     "choose another NAME for `rdev up`"},
    {0, "ConflictJobError", "", Code::kExists, "the cluster has a job of this name already",
     "choose another NAME for `rdev up`"},
    {0, "ConflictUserError", "", Code::kExists, "there is a user of this name already",
     "log in as that one: `rdev cluster %L %C`"},
    {409, "", "", Code::kExists, "it is there already (%M)", "choose another NAME for `rdev up`"},
    // What is wrong with the document.
    {400, "", "Job requests * SKUs, exceeds maximum * SKUs in VC *.", Code::kUsage,
     "it asks for %1 nodes' parts (SKUs), and the virtual cluster %3 has %2",
     "ask for less (--gpus, --cpus, --memory), or choose another with --vc"},
    {400, "", "Prerequisite * does not exist", Code::kUsage,
     "the document uses a prerequisite %1 that it does not have", kTemplate},
    {413, "", "", Code::kLimit, "the job's document is larger than the server takes (100 kB)",
     "shorten the commands and files in the template (--template)"},
    {500, "", "invalid input syntax for type integer", Code::kUsage,
     "the document does not say how many `instances` a role has", kTemplate},
    {400, "", "Expected property name or", Code::kUsage, "what was sent is no valid JSON",
     "this is a fault of rdev: please report it"},
    {500, "", "* at line *, column *", Code::kUsage,
     "the document is no valid YAML (%1 at line %2)", kTemplate},
    {400, "", "Limit exceeds max number *.", Code::kUsage, "a list of jobs has at most %1",
     "ask for fewer"},
    {400, "", "\"value\" must be one of *", Code::kUsage, "a job can only be stopped or started",
     "this is a fault of rdev: please report it"},
    {500, "", "column \"nan\"", Code::kUsage, "a number was expected and none was sent",
     "this is a fault of rdev: please report it"},
    // What the server cannot do now.
    {500, "", "Failed to get log list", Code::kUnavailable,
     "the node has no logs of it, or no longer", "wait until the job runs, then try again"},
    {500, "", "There is a problem with your database", Code::kUnavailable,
     "the cluster's database is out of order", kAgain},
    {0, "NoSupportedLogServer", "", Code::kFailed, "the cluster keeps no logs", kAdmin},
    {0, "BadConfigurationError", "", Code::kFailed, "the cluster is set up wrongly (%M)", kAdmin},
    {0, "NotImplementedError", "", Code::kFailed, "the cluster cannot do that", kAdmin},
    {429, "", "", Code::kUnavailable, "the cluster takes no more calls for now", "try again %R"},
};

// By status alone, when the answer is not the server's own or gives no reason.
constexpr Known kSilent[] = {
    {401, "", "", Code::kPermission, "the token is wrong, expired or revoked", kLogin},
    {403, "", "", Code::kPermission, "it is not allowed (403)", kAdmin},
    {404, "", "", Code::kFailed, "what answers there is not the cluster's server (404)", kAddress},
    {407, "", "", Code::kPermission, "the proxy on the way wants a login",
     "put it into HTTPS_PROXY, or the cluster into NO_PROXY"},
    {413, "", "", Code::kLimit,
     "the job's document is larger than the proxy before the cluster takes",
     "shorten the commands and files in the template (--template)"},
    {501, "", "", Code::kFailed, "the cluster cannot do that", kAdmin},
    {502, "", "", Code::kUnavailable, "the proxy before the cluster cannot reach its server (502)",
     kAgain},
    {503, "", "", Code::kUnavailable, "the server is out of service for now (503)", kAgain},
    {504, "", "", Code::kUnavailable, "the server did not answer its proxy in time (504)", kAgain},
};

constexpr Misfit kMisfits[] = {
    {"name", "give it a NAME of letters, digits, - and _: `rdev up NAME`"},
    {"gpu", "give a whole number with --gpus, or correct the template"},
    {"cpu", "give a whole number with --cpus, or correct the template"},
    {"memoryMB", "give it with --memory, as in 8g, or correct the template"},
    {"virtualCluster", "give it with --vc, or correct the template"},
};

}  // namespace

std::span<const Known> known_refusals() { return kKnown; }
std::span<const Known> silent_refusals() { return kSilent; }
std::span<const Misfit> known_misfits() { return kMisfits; }

}  // namespace rdev::cluster::openpai
