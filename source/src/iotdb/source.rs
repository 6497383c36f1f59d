//! The source itself: at most so many parts at once, again and again where it follows.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use levada_connector_api::{
    Batch, BuildContext, EngineTuning, Error, Guarantee, Point, Problem, Progress, Result, Source,
    SourceCapabilities, SourceType,
    model::{Checkpoint, Path, SplitName, SplitPosition},
};

use super::{
    changes::ChangesSource,
    moment::Moment,
    options::{All, millis},
    part::{Origin, Part, position},
    place::Place,
    plan::Plan,
    query::Query,
    schedule::Ticks,
};

/// The clock is looked at again after so long: it may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The rows of queries. See the [module](super) for what it promises.
pub struct QuerySource {
    node: String,
    place: Arc<Place>,
    statements: Vec<String>,
    given: Option<Path>,
    slice: Option<i64>,
    at_once: usize,
    ticks: Option<Ticks>,
    lateness: i64,
    moment: Moment,
    clock: Clock,
    /// When it was asked last.
    last: i64,
    /// What is to be asked next, as of when.
    due: Option<i64>,
    waiting: VecDeque<Part>,
    running: FuturesUnordered<BoxFuture<'static, (Part, Result<Option<Batch>>)>>,
    /// Where splits go on: what was stored, and what was handed out since.
    known: Checkpoint,
    /// Splits of which something was handed out and is not settled.
    unsettled: Checkpoint,
    ended: bool,
    read: u64,
}

impl SourceType for QuerySource {
    const NAME: &'static str = "iotdb";
    const SUMMARY: &'static str = "The rows of a query, from the embedded engine or a running Apache IoTDB.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once; exactly once into a sink that stores positions with its rows. Each part of a query goes on behind its last \
            row that was stored. Rows from before 1970 have no position, and are read again after a restart.",
        tests: &[
            "the_query_source_keeps_its_contract",
            "the_query_source_keeps_its_contract_with_statements_that_cannot_be_divided",
            "a_query_goes_on_where_it_was_after_kill_9",
        ],
    });
    type Options = All;

    fn check(options: &All) -> Vec<Problem> {
        let mut problems = options.group.problems();
        problems.extend(options.own.problems());
        if options.own.follow.is_some() && !options.group.nodes.is_empty() {
            let message = "nodes tell nobody of what is stored: take `follow` away, and ask `every: 10s`";
            problems.push(Problem::new("follow", message));
        }
        problems
    }

    fn build(options: All, context: &BuildContext) -> Result<Box<dyn Source>> {
        if options.own.follow.is_some() {
            return Ok(Box::new(following(&options, context)?));
        }
        let wall = Arc::new(|| Timestamp::now().as_millisecond());
        Ok(Box::new(Self::new(options, context, wall)?))
    }
}

impl QuerySource {
    /// A source of these options, which goes by `clock`. Touches nothing yet.
    ///
    /// # Errors
    /// The options cannot work; the first problem is the message.
    pub fn new(options: All, context: &BuildContext, clock: Clock) -> Result<Self> {
        let place = place(&options, context)?;
        let own = options.own;
        Ok(Self {
            node: context.node.clone(),
            place,
            statements: own.statements().into_iter().map(|(_, text)| text.to_owned()).collect(),
            slice: own.slice.map(millis),
            at_once: own.parallel,
            ticks: own.ticks().map_err(Error::config)?,
            lateness: own.lateness.map_or(0, millis),
            given: own.device,
            moment: Moment::new(context),
            clock,
            last: i64::MIN,
            due: None,
            waiting: VecDeque::new(),
            running: FuturesUnordered::new(),
            known: Checkpoint::new(),
            unsettled: Checkpoint::new(),
            ended: false,
            read: 0,
        })
    }

    /// Divides what is due into parts.
    async fn plan(&mut self) -> Result<()> {
        let Some(moment) = self.due else { return Ok(()) };
        let until = if self.ticks.is_some() { moment.saturating_sub(self.lateness) } else { i64::MAX };
        let mut parts = VecDeque::new();
        for text in &self.statements {
            let query = Query::parse(text, moment).map_err(Error::config)?;
            let origin = Origin {
                place: Arc::clone(&self.place),
                query: Arc::new(query),
                given: self.given.clone(),
                moment,
            };
            let plan = Plan {
                node: &self.node,
                origin,
                known: &self.known,
                until,
                follows: self.ticks.is_some(),
                slice: self.slice,
            };
            parts.extend(plan.parts().await?);
        }
        self.waiting = parts;
        (self.due, self.last) = (None, moment);
        Ok(())
    }

    fn begin(&mut self, part: Part) {
        let step = async move {
            let mut part = part;
            let step = part.step().await;
            (part, step)
        };
        self.running.push(step.boxed());
    }

    /// All queries, as one number.
    fn identity(&self) -> u64 {
        let place = self.place.to_string();
        let all = self.statements.iter().filter_map(|text| Query::parse(text, 0).ok());
        all.fold(0, |sum, query| sum.rotate_left(7) ^ query.identity(&place))
    }

    fn hand_on(&mut self, batch: &Batch) {
        for each in &batch.positions {
            self.known.insert(each.split.clone(), each.range.end);
            self.unsettled.insert(each.split.clone(), each.range.end);
        }
        self.read += batch.rows() as u64;
    }
}

#[async_trait]
impl Source for QuerySource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: self.ticks.is_none(), replayable: true, remembers: false }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        self.waiting.clear();
        self.running = FuturesUnordered::new();
        (self.known, self.unsettled, self.ended) = (stored.clone(), Checkpoint::new(), false);
        self.place.session().await?;
        let now = (self.clock)();
        self.due = match &self.ticks {
            None => Some(self.moment.recall(self.identity(), now)?),
            Some(Ticks::Every(every)) => Some(now.div_euclid(*every) * every),
            Some(Ticks::Schedule(_)) => None,
        };
        self.last = now;
        self.plan().await
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            self.plan().await?;
            while self.running.len() < self.at_once
                && let Some(part) = self.waiting.pop_front()
            {
                self.begin(part);
            }
            match self.running.next().await {
                Some((part, Ok(Some(batch)))) => {
                    self.begin(part);
                    self.hand_on(&batch);
                    return Ok(Some(batch));
                }
                Some((_, Ok(None))) => {}
                Some((part, Err(error))) => {
                    self.waiting.push_front(part);
                    return Err(error);
                }
                None => match &self.ticks {
                    None => {
                        self.ended = true;
                        return Ok(None);
                    }
                    Some(ticks) => self.due = Some(wait(&self.clock, ticks, self.last).await),
                },
            }
        }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        for each in settled {
            if self.unsettled.get(&each.split).is_some_and(|&position| position <= each.position) {
                self.unsettled.remove(&each.split);
            }
        }
        Ok(())
    }

    async fn locate(&mut self, point: Point, splits: &[SplitName]) -> Result<Vec<SplitPosition>> {
        let position = match point {
            Point::Earliest => 0,
            Point::Latest => position((self.clock)().saturating_add(1)),
            Point::Time(time) => position(time),
        };
        Ok(splits.iter().map(|split| SplitPosition { split: split.clone(), position }).collect())
    }

    fn short_name(&self, split: &str) -> String {
        let rest = split.strip_prefix(&self.node).and_then(|rest| rest.strip_prefix('/'));
        let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
        match rest.and_then(|rest| rest.split_at_checked(16)) {
            Some((identity, rest)) if is_plain(identity) => format!("{}{rest}", self.node),
            _ => split.to_owned(),
        }
    }

    fn progress(&self) -> Progress {
        Progress { read: self.read, total: None, lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        self.waiting.clear();
        self.running = FuturesUnordered::new();
        if self.ended && self.unsettled.is_empty() && self.ticks.is_none() {
            self.moment.forget()?;
        }
        self.place.close().await
    }
}

/// The store of options that have no problem.
fn place(options: &All, context: &BuildContext) -> Result<Arc<Place>> {
    if let Some(problem) = QuerySource::check(options).into_iter().next() {
        return Err(Error::config(problem.message).with("option", problem.path));
    }
    // One more than parts are read: whoever plans asks, too.
    let target = options.group.target(EngineTuning::default(), options.own.parallel + 1);
    let target = target.ok_or_else(|| Error::bug("options without problems name a store"))?;
    Ok(Arc::new(Place::new(Arc::clone(&context.stores), target)))
}

/// A source of what is stored from now on.
fn following(options: &All, context: &BuildContext) -> Result<ChangesSource> {
    let place = place(options, context)?;
    let queries = options.own.statements().into_iter().map(|(_, text)| Query::parse(text, 0));
    let queries = queries.collect::<Result<Vec<_>, _>>().map_err(Error::config)?;
    Ok(ChangesSource::new(place, queries, context))
}

/// Waits until it is time to ask again, and gives that time.
async fn wait(clock: &Clock, ticks: &Ticks, last: i64) -> i64 {
    loop {
        let now = clock();
        let Some(next) = ticks.next(last, now) else {
            // A time that never comes.
            return std::future::pending().await;
        };
        if next <= now {
            return next;
        }
        let left = Duration::from_millis(u64::try_from(next.saturating_sub(now)).unwrap_or(0));
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

impl fmt::Debug for QuerySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuerySource")
            .field("node", &self.node)
            .field("statements", &self.statements)
            .finish_non_exhaustive()
    }
}
