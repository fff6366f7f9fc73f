"""The closed vocabularies of the tables: every state, reason and outcome that a row may carry."""

from enum import StrEnum


class Edition(StrEnum):
    """The standard that a page is judged against."""

    JIS2016 = "jis2016"  # JIS X 8341-3:2016 = ISO/IEC 40500:2012 = WCAG 2.0
    WCAG22 = "wcag22"  # ISO/IEC 40500:2025 = WCAG 2.2


class Level(StrEnum):
    """Conformance level of a criterion, or the level that a sweep aims at."""

    A = "A"
    AA = "AA"
    AAA = "AAA"

    @property
    def included(self) -> tuple["Level", ...]:
        """The levels that must be met to reach this one (WCAG 2.0 5.2.1)."""
        levels = tuple(Level)
        return levels[: levels.index(self) + 1]


class Method(StrEnum):
    """How the pages of a sweep are chosen (JIS X 8341-3:2016 Annex JB.1.2, methods a to d)."""

    ALL = "all"
    RANDOM = "random"
    REPRESENTATIVE = "representative"
    MIXED = "mixed"


class SweepState(StrEnum):
    """Where a sweep stands; each state names the step that is still to be done."""

    EXPLORING = "exploring"
    CHOOSING = "choosing"
    AUDITING = "auditing"
    FINISHED = "finished"


class VisitState(StrEnum):
    """Where one address stands in one sweep."""

    FOUND = "found"  # known, not yet asked for
    EXPLORED = "explored"  # answered with an HTML page: part of the frame
    SELECTED = "selected"  # chosen for audit
    AUDITED = "audited"  # has a result
    NOT_CHOSEN = "not_chosen"  # in the frame, not in the sample
    UNAUDITED = "unaudited"  # no result, and the reason says why


class Reason(StrEnum):
    """Why an address has no result."""

    OUT_OF_SCOPE = "out_of_scope"  # redirected to, or given, outside the site's scope
    EXCLUDED = "excluded"  # matches an exclusion, whose own reason is kept with the visit
    ROBOTS = "robots"  # robots.txt disallows it (RFC 9309)
    ROBOTS_UNREACHABLE = "robots_unreachable"  # robots.txt answered 5xx or not at all: all is disallowed
    REDIRECT = "redirect"  # leads to another address of the site, which is counted itself
    REDIRECT_OUT = "redirect_out"  # leads out of the scope
    REDIRECT_LOOP = "redirect_loop"
    NOT_HTML = "not_html"
    DUPLICATE = "duplicate"  # the same page under another address, which is counted itself
    UNSAFE = "unsafe"  # may change something on the site (log-out, delete, cart): never asked for
    EMPTY = "empty"  # answered without a body
    TOO_LARGE = "too_large"
    NOT_FOUND = "not_found"  # 404, 410
    SOFT_NOT_FOUND = "soft_not_found"  # answered like an address that cannot exist, but not with 404
    UNLINKED = "unlinked"  # known from an earlier sweep, and nothing leads to it any more: whatever it answers, no page of this one
    CLIENT_ERROR = "client_error"  # another 4xx
    BLOCKED = "blocked"  # 401, 403, 407, 429 or 451: the site does not let us see the page
    SERVER_ERROR = "server_error"  # 5xx
    DNS = "dns"
    CERTIFICATE = "certificate"
    CONNECTION = "connection"  # refused, reset, broken off, not HTTP
    PRIVATE_ADDRESS = "private_address"  # refused by us: the host is on a private network
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"  # the browser lost the page
    ENGINE_ERROR = "engine_error"  # the page loaded, the rule engine did not finish
    PAGE_LIMIT = "page_limit"
    PATTERN_LIMIT = "pattern_limit"  # too many addresses that differ in their query only
    TRAP = "trap"  # one of endlessly many addresses that bring nothing new
    DEPTH_LIMIT = "depth_limit"
    TIME_LIMIT = "time_limit"

    @property
    def transient(self) -> bool:
        """Whether asking again later can help; a transient reason leaves a sweep incomplete."""
        return self in TRANSIENT

    @property
    def limit(self) -> bool:
        """Whether a limit of ours, not the site, is the cause; a limit leaves a sweep incomplete."""
        return self in LIMITS


TRANSIENT = frozenset(
    {
        Reason.ROBOTS_UNREACHABLE,
        Reason.BLOCKED,
        Reason.SERVER_ERROR,
        Reason.DNS,
        Reason.CERTIFICATE,
        Reason.CONNECTION,
        Reason.TIMED_OUT,
        Reason.CRASHED,
        Reason.ENGINE_ERROR,
    }
)
LIMITS = frozenset(
    {
        Reason.TOO_LARGE,
        Reason.PAGE_LIMIT,
        Reason.PATTERN_LIMIT,
        Reason.TRAP,
        Reason.DEPTH_LIMIT,
        Reason.TIME_LIMIT,
    }
)


# A chosen address that ends so has proved to be no page of its own: it never was one of the pages drawn from.
GONE = frozenset(
    {
        Reason.REDIRECT,  # only with the page that it leads to, which is counted itself
        Reason.REDIRECT_OUT,
        Reason.REDIRECT_LOOP,
        Reason.NOT_HTML,
        Reason.DUPLICATE,
        Reason.NOT_FOUND,
        Reason.SOFT_NOT_FOUND,
    }
)


class About(StrEnum):
    """What a note of a sweep is about."""

    BLOCKED = "blocked"  # the site began to refuse us
    CARRY = "carry"  # why nothing is carried from an earlier sweep
    DOCUMENT = "document"  # one was not read to its end
    HOST = "host"  # it was given up
    PACE = "pace"  # it takes its time, as the site asks
    REDIRECT = "redirect"  # a page that only a script leads to
    RENDERING = "rendering"  # what scripts add was not all read or compared
    SAMPLE = "sample"  # what was not looked at when the sample was chosen
    SITEMAP = "sitemap"  # one was not read to its end
    TRAFFIC = "traffic"  # addresses of the traffic file that are no pages
    UNANSWERED = "unanswered"  # the site gave no answer to what would have made sure
    UNSURE = "unsure"  # we did not ask what would have made sure
    WRITTEN = "written"  # links that only a script can follow

    @property
    def informs(self) -> bool:
        """Whether it leaves a sweep complete: no part of the site is missing for it."""
        return self in INFORMS


INFORMS = frozenset({About.CARRY, About.PACE, About.SAMPLE, About.TRAFFIC, About.WRITTEN})


class FoundBy(StrEnum):
    """How an address became known."""

    START = "start"
    SEED = "seed"  # given by the operator
    SITEMAP = "sitemap"
    LINK = "link"
    RENDERED = "rendered"  # a link that only the page in the browser shows
    CLICKED = "clicked"  # a link behind a menu that opens by a click
    REDIRECT = "redirect"
    EARLIER = (
        "earlier"  # bears open defects since an earlier sweep, or one that does leads there; nothing else does
    )


class Part(StrEnum):
    """The part of a sample that a page belongs to; a page may belong to both."""

    REPRESENTATIVE = "representative"
    RANDOM = "random"
    CENSUS = "census"  # method a): every page


class Stratify(StrEnum):
    """What the frame is divided by before the random part is drawn from each division."""

    DIRECTORY = "directory"  # the first part of the path below the start address
    TEMPLATE = "template"  # the cluster of like shapes


class Redraw(StrEnum):
    """How much of an earlier sweep's random part is drawn anew."""

    HALF = "half"  # WCAG-EM: about half is kept
    WHOLLY = "wholly"


class Outcome(StrEnum):
    """The outcome of a finding (EARL): only faults and open questions are kept as findings."""

    FAILED = "failed"
    CANT_TELL = "cantTell"


class Assertor(StrEnum):
    """Whose conditions an assertion speaks by (EARL: assertor)."""

    AXE = "axe"  # the rule engine
    MIC = "mic"  # the error conditions of the ministry's survey, see audits.mic


class Impact(StrEnum):
    """How badly a fault hits people, as the engine grades it."""

    MINOR = "minor"
    MODERATE = "moderate"
    SERIOUS = "serious"
    CRITICAL = "critical"


class DefectState(StrEnum):
    """The life of a defect; only a sweep sets confirmed or returned."""

    FOUND = "found"
    PLANNED = "planned"
    REPAIRED = "repaired"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    EXCEPTED = "excepted"
    UNVERIFIED = "unverified"


class Region(StrEnum):
    """Where a defect is repaired, learned from what repeats over pages."""

    TEMPLATE = "template"  # once, for all pages that show it
    CONTENT = "content"  # page by page


class Regroup(StrEnum):
    """What a person has said of which names of faults are one defect."""

    MERGED = "merged"  # two defects are one
    TAKEN_BACK = "taken_back"  # a name that was known as the defect is one of its own
    PARTED = "parted"  # the defect is another one on some pages


class ExceptionReason(StrEnum):
    """Why a fault is left as it is for a time."""

    THIRD_PARTY = "third_party"  # in content that others make and the site cannot change
    NO_SOURCE_DATA = "no_source_data"  # what an accessible version would be made from is lost
    PLANNED_RENEWAL = "planned_renewal"  # goes with a renewal that is planned
    FALSE_ALARM = "false_alarm"  # a person says that it is no fault
    ALTERNATIVE_PROVIDED = "alternative_provided"  # the same is offered in an accessible way


class Matched(StrEnum):
    """How the repaired element of an example was found."""

    TARGET = "target"  # where it was
    WORDS = "words"  # elsewhere on the page, by its id, name, address or words
    NAMED = "named"  # a person named it
    WRITTEN = "written"  # a person wrote what stands there now
    GONE = "gone"  # not at all: removed, or made anew


class JudgementOutcome(StrEnum):
    """A person's word on a criterion of a page."""

    MET = "met"
    NOT_MET = "not_met"
    NOT_APPLICABLE = "not_applicable"
    WITHDRAWN = "withdrawn"  # the person's earlier word no longer counts


class Notation(StrEnum):
    """How an organisation may say that a site meets the standard (WAIC's guideline on notation)."""

    CONFORMING = "conforming"  # 準拠
    PARTIALLY = "partially"  # 一部準拠
    CONSIDERATE = "considerate"  # 配慮


class ScopeKind(StrEnum):
    """Which way a scope rule points."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


class Change(StrEnum):
    """What the difference of two shares of problem pages shows."""

    WORSE = "worse"  # the interval lies above 0
    BETTER = "better"  # the interval lies below 0
    SAME = "same"  # counted on all pages, and no difference
    UNDECIDED = "undecided"  # the interval holds 0: chance, or pages without a result, may be all of it
    UNKNOWN = "unknown"  # one of the sweeps says nothing of the whole site


class Break(StrEnum):
    """Why the numbers of two sweeps of a site are no series."""

    EDITION = "edition"
    LEVEL = "level"
    RULE_SET = "rule_set"
    SCOPE = "scope"
    DRAW = "draw"  # the random part was not drawn anew: what was repaired in it says nothing of the rest
    METHOD = "method"  # this and the next in trends only: pages were chosen by another method
    NOT_WHOLE = "not_whole"  # the sweep says nothing of the whole site
    SUSPECT = "suspect"  # so much is missing that the numbers may be of another site
    DOUBTED = "doubted"  # a sweep is suspect, and nobody has accepted it
    SITES = "sites"  # an organisation's number is of other sites
    UNSEEN = "unseen"  # the sweep has no result of the page


class Gap(StrEnum):
    """Why nothing can be said of how a site has changed within a cycle."""

    NO_BASELINE = "no_baseline"  # no finished sweep to measure from
    NOT_SWEPT = "not_swept"  # none in the cycle's days after the baseline
    UNLIKE = "unlike"  # only such as are no series with the baseline
    NO_RATE = "no_rate"  # one of the two says nothing of the whole site


class Standing(StrEnum):
    """How a cycle stands to one of its targets, as far as was seen."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    UNKNOWN = "unknown"  # the interval holds the target, or something was not seen


class Origin(StrEnum):
    """Since when a cycle knows a defect."""

    BASELINE = "baseline"  # was open when the baseline had been taken in
    NEW = "new"
    NEWLY_CHECKED = "newly_checked"  # by a rule that was not run before: it may be an old fault
    BACK = "back"  # had been confirmed before the baseline, and came back


class Role(StrEnum):
    """What an account is for; what each may do is said in reports.access.rights."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    MANAGER = "manager"
    WEB_TEAM = "web_team"
    JUDGE = "judge"
    READER = "reader"


class Done(StrEnum):
    """What somebody did in the web application, as the audit trail tells it."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    INVITED = "invited"  # made a one-time link to an account
    PASSWORD_SET = "password_set"  # noqa: S105
    ACCOUNT_CHANGED = "account_changed"
    TOKEN_MADE = "token_made"  # noqa: S105
    TOKEN_ENDED = "token_ended"  # noqa: S105
    SITE_CHANGED = "site_changed"
    SWEEP_ASKED = "sweep_asked"
    SWEEP_STOPPED = "sweep_stopped"
    DEFECT_CHANGED = "defect_changed"
    EXCEPTION_CHANGED = "exception_changed"
    CYCLE_CHANGED = "cycle_changed"
    JUDGED = "judged"
    DECLARED = "declared"
    EXAMPLE_CHANGED = "example_changed"
    SWEEP_DECIDED = "sweep_decided"  # a suspect sweep was accepted or rejected
    NOTICES_CHANGED = "notices_changed"  # what somebody is told of


class Trust(StrEnum):
    """Whether what a finished sweep saw counts for its site's defects and trends."""

    SOUND = "sound"
    SUSPECT = "suspect"  # too much is missing: not until a person accepts it
    ACCEPTED = "accepted"  # a person says that it counts all the same
    REJECTED = "rejected"  # a person says that it never counts


class Doubt(StrEnum):
    """Why a sweep is suspect."""

    SHRUNKEN = "shrunken"  # far fewer pages are known than in the last comparable sweep
    UNANSWERED = "unanswered"  # too many known pages could not be had, for reasons that may pass
    LOST = "lost"  # too many of the chosen pages have no result


class Channel(StrEnum):
    """The way that a notice goes."""

    EMAIL = "email"
    HOOK = "hook"  # an address of the settings that takes JSON, see reports.notices.settings


class Telling(StrEnum):
    """What somebody may be told of."""

    FINISHED = "finished"  # a sweep has finished, and counts
    SUSPECT = "suspect"  # one has finished, and waits for a person's word
    FAILED = "failed"  # one could not go on
    DEFECTS = "defects"  # new ones, and such as came back
    DUE = "due"  # days by which defects are to be repaired come near, or have passed
    DIGEST = "digest"  # the week, for managers


class Days(StrEnum):
    """Which of the days that a schedule's cron expression names count. Workdays are those of Japanese public offices."""

    EVERY = "every"
    WORKDAYS = "workdays"  # on other days nothing is due
    MOVED = "moved"  # what falls on another day is due on the next workday


class Came(StrEnum):
    """What came of a due time at a site."""

    BEGUN = "begun"  # a sweep was asked for
    OVERLAPS = "overlaps"  # an earlier sweep of the site waited or ran
    FAILED = "failed"  # none could be asked for: the row says why


class Kept(StrEnum):
    """What is kept for a time, and then may be disposed of. See audits.keeping."""

    PICTURES = "pictures"  # of pages and places
    TEXTS = "texts"  # what pages said at places: HTML, what the checks saw; and the sources of templates
    PLACES = "places"  # where on a page a finding was: selectors and boxes
    TRAIL = "trail"  # who did what in the web application
    NOTICES = "notices"  # that people were sent
    RUNS = "runs"  # of schedules
    SESSIONS = "sessions"  # that are over, and invitations
