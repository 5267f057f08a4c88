use fika_media::VideoDecoder as _;
use fika_media::h264::Decoder;
use fika_media::test::Pattern;

use super::*;

/// Encodes test pictures of 320x180 one after the other.
struct Camera {
    encode: Encode,
    pictures: Arc<Slot<VideoFrame>>,
    pattern: Pattern,
    number: i64,
}

impl Camera {
    fn start(queue: usize) -> (Self, mpsc::Receiver<EncodedFrame>) {
        let (out, encoded) = mpsc::channel(queue);
        let resolution = Resolution::new(320, 180);
        let wanted = Wanted {
            out: Some(out),
            bitrate: 300_000,
            main_profile: true,
            keyframe: false,
            want: VideoWant::FULL,
            resolution,
            frame_rate: 30,
        };
        let pictures = Arc::new(Slot::new());
        let (events, _) = mpsc::channel(1);
        let encode = Encode::start(wanted, Arc::clone(&pictures), events).unwrap();
        (Self { encode, pictures, pattern: Pattern::new(resolution, 30), number: 0 }, encoded)
    }

    fn shoot(&mut self) {
        let pts = Timestamp(self.number * 1_000_000 / 30);
        self.number += 1;
        self.pictures.put(self.pattern.frame(pts));
    }
}

#[test]
fn keyframes_come_when_asked_for_but_not_too_often() {
    let (mut camera, mut encoded) = Camera::start(4);
    let mut keyframes = Vec::new();
    for number in 0..40 {
        if number == 1 || number == 2 || number == 30 {
            camera.encode.want(|wanted| wanted.keyframe = true);
        }
        camera.shoot();
        if encoded.blocking_recv().unwrap().keyframe {
            keyframes.push(number);
        }
    }
    // The first by itself, the next 300 ms later, the last at once.
    assert_eq!(keyframes, [0, 9, 30]);
    assert_eq!(camera.encode.stats().key_frames_encoded, 3);
}

#[test]
fn a_full_queue_costs_raw_pictures_only() {
    let (mut camera, mut encoded) = Camera::start(1);
    camera.shoot();
    while camera.encode.stats().frames_encoded == 0 {
        std::thread::yield_now();
    }
    for skipped in 1..=3 {
        camera.shoot();
        while camera.encode.stats().frames_dropped < skipped {
            std::thread::yield_now();
        }
    }
    let mut decoder = Decoder::default();
    assert!(decoder.decode(&encoded.blocking_recv().unwrap()).unwrap().is_some());
    camera.shoot();
    let next = encoded.blocking_recv().unwrap();
    assert!(!next.keyframe && decoder.decode(&next).unwrap().is_some(), "nothing is missing between them");
}

#[test]
fn half_the_rate_is_every_other_picture() {
    let wanted = Camera::start(1).0.encode.wanted();
    let mut worker = Worker::new(Arc::new(Mutex::new(wanted)), Arc::default(), watch::channel(VideoOut::default()).0);
    // A camera that is up to 5 ms early or late.
    let times = (0..60).map(|n: i64| Timestamp(1_000_000 + n * 33_333 + [0, 5_000, -5_000][n as usize % 3]));
    let due: Vec<bool> = times.map(|at| worker.is_due(at, 15.0)).collect();
    assert_eq!(due.iter().filter(|due| **due).count(), 30, "{due:?}");
    assert!(worker.is_due(Timestamp::from_millis(60_000), 30.0), "after a pause at once");
    assert!(worker.is_due(Timestamp::from_millis(60_033), 30.0));
}

#[test]
fn pictures_are_made_to_fit() {
    let limit = Resolution::new(1280, 720);
    for (from, to) in [
        ((1280, 720), (1280, 720)),
        ((1920, 1080), (1280, 720)),
        ((640, 480), (640, 480)),
        ((1600, 1200), (960, 720)),
        ((1080, 1920), (720, 1280)),
        ((177, 145), (176, 144)),
    ] {
        assert_eq!(fit(Resolution::new(from.0, from.1), limit), Resolution::new(to.0, to.1), "{from:?}");
    }
}

#[test]
fn who_wants_a_keyframe_gets_the_last_picture_at_once() {
    let (mut camera, mut encoded) = Camera::start(4);
    let mut last = Timestamp::ZERO;
    for _ in 0..12 {
        camera.shoot();
        last = encoded.blocking_recv().unwrap().pts;
    }
    // The camera stands still.
    camera.encode.want(|wanted| wanted.keyframe = true);
    let again = encoded.blocking_recv().unwrap();
    assert!(again.keyframe && again.pts > last, "{:?}", again.pts);
    let stats = camera.encode.stats();
    assert_eq!((stats.frames_encoded, stats.key_frames_encoded), (13, 2));
    camera.shoot();
    let next = encoded.blocking_recv().unwrap();
    assert!(!next.keyframe && next.pts > again.pts);
}

#[test]
fn a_camera_that_was_off_shows_nothing_of_before() {
    let (mut camera, mut encoded) = Camera::start(4);
    for _ in 0..12 {
        camera.shoot();
        encoded.blocking_recv().unwrap();
    }
    let out = camera.encode.wanted().out;
    camera.encode.want(|wanted| wanted.out = None);
    camera.encode.want(|wanted| (wanted.out, wanted.keyframe) = (out, true));
    camera.shoot();
    let first = encoded.blocking_recv().unwrap();
    assert_eq!((first.keyframe, first.pts), (true, Timestamp(12 * 1_000_000 / 30)));
}
