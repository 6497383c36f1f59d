create database root.c1.a
create database root.c1.b
set storage group to root.c1.old
show databases root.c1.**
show databases root.c1.a
count databases root.c1.**
count databases root.c1.*
count storage group root.c1.**
create database root.c1.t with ttl=3600000
show databases root.c1.t
delete database root.c1.old
show databases root.c1.*
drop database root.c1.a
create database root.c2
create timeseries root.c2.d1.s1 with datatype=INT32,encoding=RLE
create timeseries root.c2.d1.s2 with datatype=INT64,encoding=TS_2DIFF,compressor=SNAPPY
create timeseries root.c2.d1.s3 with datatype=FLOAT,encoding=GORILLA,compressor=LZ4
create timeseries root.c2.d1.s4 with datatype=DOUBLE,encoding=PLAIN,compressor=UNCOMPRESSED
create timeseries root.c2.d1.s5 with datatype=BOOLEAN,encoding=PLAIN
create timeseries root.c2.d1.s6 with datatype=TEXT,encoding=PLAIN,compressor=GZIP
create timeseries root.c2.d1.s7 DOUBLE
create timeseries root.c2.d1.s8 STRING
create timeseries root.c2.d1.s9 TIMESTAMP
create timeseries root.c2.d1.s10 DATE
create timeseries root.c2.d1.s11 BLOB
create timeseries root.c2.d1.s12 INT64 encoding=ZIGZAG compressor=ZSTD
create timeseries root.c2.d1.s13 INT32 encoding=CHIMP compressor=LZMA2
create aligned timeseries root.c2.ga(lat FLOAT encoding=PLAIN compressor=SNAPPY, lon FLOAT encoding=PLAIN compressor=SNAPPY)
create aligned timeseries root.c2.ga(alt DOUBLE)
create timeseries root.nodb2.d.s INT32
show timeseries root.c2.**
show timeseries root.c2.ga.*
show timeseries root.c2.d1.nope
show timeseries root.c2.** limit 2 offset 1
show timeseries root.c2.** where timeseries contains 's1'
show timeseries root.c2.** where datatype=FLOAT
show devices root.c2.** with database
show devices root.c2.** limit 1
show devices root.c2.** where device contains 'g'
count timeseries root.c2.**
count timeseries root.c2.d1.*
count devices root.c2.**
count nodes root.c2.** level=3
show child paths root.c2
show child nodes root.c2
show child paths root.c2.d1
show child paths root.c2.*
delete timeseries root.c2.d1.s13
delete timeseries root.c2.d1.s11, root.c2.d1.s12
drop timeseries root.c2.d1.s10
show timeseries root.c2.d1.*
create database root.c3
create timeseries root.c3.f1.d1.temp with datatype=FLOAT,encoding=RLE,compressor=SNAPPY tags(unit='c','site'='north') attributes('max'='100',owner='amy')
create timeseries root.c3.f1.d2.temp(t1alias) with datatype=FLOAT,encoding=RLE tags(unit='f','site'='south') attributes(owner='bob')
create timeseries root.c3.f2.d1.temp with datatype=FLOAT tags(unit='c','site'='south')
create timeseries root.c3.f2.d1.hum with datatype=INT32 tags(unit='pct')
show timeseries root.c3.** where TAGS(unit)='c'
show timeseries root.c3.** where TAGS('site') contains 'ou'
count timeseries root.c3.** where TAGS(unit)='c'
alter timeseries root.c3.f1.d1.temp add tags newtag=v1
alter timeseries root.c3.f1.d1.temp add attributes newattr=v2
alter timeseries root.c3.f1.d1.temp set unit=k
alter timeseries root.c3.f1.d1.temp rename site to place
alter timeseries root.c3.f1.d1.temp drop newattr
alter timeseries root.c3.f1.d1.temp upsert alias=al9 tags(unit=z) attributes(owner=eve)
show timeseries root.c3.f1.d1.temp
show timeseries root.c3.f1.**
insert into root.c3.f1.d1(time,temp) values(1,10.5),(2,20.5),(3,30.5)
insert into root.c3.f1.d2(time,t1alias) values(1,1.5),(2,2.5)
insert into root.c3.f2.d1(time,temp,hum) values(1,100,7),(3,300,9)
select t1alias from root.c3.f1.d2
select al9 from root.c3.f1.d1
select avg(temp) from root.c3.** group by tags(unit, site)
select avg(temp) from root.c3.** group by tags(nope)
create database root.c4.a
create database root.c4.b
set ttl to root.c4.a 3600000
set ttl to root.c4.b.** 7200000
show ttl on root.c4.a.**
show all ttl
set ttl to root.c4.nope.d1 1000
unset ttl from root.c4.a
unset ttl to root.c4.b.**
insert into root.c4.a.d1(time,s1) values(1,1)
select s1 from root.c4.a.d1
set ttl to root.c4.a.** 1000
unset ttl to root.c4.a.**
create database root.c5
insert into root.c5.d1(timestamp,s1,s2) values(1,1,1.5)
insert into root.c5.d1(time,s1,s2) values(2,2,2.5),(3,3,3.5)
insert into root.c5.d1(timestamp,s1) values(4,4)
insert into root.c5.d1(time,s3) values(5,'text'),(6,"dq"),(7,null)
insert into root.c5.d1(time,s4) values(1,true),(2,false)
insert into root.c5.d1(time,s5) values(1970-01-01T00:00:00.008+00:00, 8)
insert into root.c5.d1(time,s6) values(1, NaN)
insert into root.c5.d1(time,s8) values(1, 9999999999)
insert into root.c5.d1(time,s9) values(1, 'it''s "q"')
insert into root.c5.d1(time,`a.b`,`s 1`) values(1, 1, 2)
insert into root.c5.d1(s1) values(11)
insert into root.c5.d1(time,s1) values(-5,5)
insert into root.c5.al(time,a,b) aligned values(1,1,true),(2,null,false),(3,3,null)
insert into root.c5.al(time,c) aligned values(2,'x')
insert into root.c5.al(time,a) values(4,4)
insert into root.c5.d1(time,s1) aligned values(14,14)
insert into root.c5.d1(time,s1) values(1,100)
insert into root.c5.typed(time,s) values(1,1)
insert into root.newdb.d1(time,s1) values(1,1)
create timeseries root.c5.t.i32 INT32
create timeseries root.c5.t.i64 INT64
create timeseries root.c5.t.fl FLOAT
create timeseries root.c5.t.st STRING
create timeseries root.c5.t.ts TIMESTAMP
create timeseries root.c5.t.dt DATE
create timeseries root.c5.t.bl BLOB
insert into root.c5.t(time,i32,i64,fl,st,ts,dt,bl) values(1,2147483647,9223372036854775807,1.23456789,'str',100,'2024-02-29',X'0aFF')
insert into root.c5.t(time,dt) values(2,'2024-02-30')
select * from root.c5.d1
select * from root.c5.al
create database root.c6
insert into root.c6.d1(time,s1,s2) values(1,1,1),(2,2,2),(3,3,3),(4,4,4),(5,5,5),(6,6,6),(7,7,7),(8,8,8),(9,9,9),(10,10,10)
insert into root.c6.d2(time,s1) values(1,1),(5,5),(10,10)
delete from root.c6.d1.s1 where time = 2
delete from root.c6.d1.s1 where time < 2
delete from root.c6.d1.s1 where time >= 9
delete from root.c6.d1.s1 where time > 3 and time <= 5
select s1, s2 from root.c6.d1
delete from root.c6.** where time > 9
select * from root.c6.**
flush
delete from root.c6.d1.s2 where time <= 6
delete from root.c6.d2.*
select * from root.c6.d2
show timeseries root.c6.d2.*
delete from root.c6.nope.s1 where time < 5
delete from root.c6.d1.s1, root.c6.d1.s2 where time < 100
insert into root.c6.d1(time,s1) values(6,66)
select s1 from root.c6.d1
delete database root.c6
show timeseries root.c6.**
create database root.c7
create timeseries root.c7.d1.i INT32
create timeseries root.c7.d1.l INT64
create timeseries root.c7.d1.f FLOAT
create timeseries root.c7.d1.d DOUBLE
create timeseries root.c7.d1.b BOOLEAN
create timeseries root.c7.d1.t TEXT
insert into root.c7.d1(time,i,l,f,d,b,t) values(100,1,10,1.5,0.1,true,'aa')
insert into root.c7.d1(time,i,l,f,d,b,t) values(200,2,20,2.5,0.2,false,'ab')
insert into root.c7.d1(time,i,l,f,d) values(300,3,30,3.5,0.3)
insert into root.c7.d1(time,i,b,t) values(400,4,true,'ba')
insert into root.c7.d1(time,i,l,f,d,b,t) values(500,5,50,5.5,0.5,false,'b%')
insert into root.c7.d2(time,i,x) values(200,20,'z'),(300,30,'y')
select * from root.c7.d1
select i from root.c7.d1 where time = 301
select i from root.c7.d1 where time != 300
select i from root.c7.d1 where time in (100, 500, 900)
select i from root.c7.d1 where time < 200 or time > 400
select i from root.c7.d1 where 200 < time
select i from root.c7.d1 where b = true
select i from root.c7.d1 where b
select i from root.c7.d1 where t > 'ab'
select i from root.c7.d1 where i = 1 or t = 'ba'
select i from root.c7.d1 where i <> 3
select i from root.c7.d1 where f + i > 5
select i from root.c7.d1 where l is null
select i, l from root.c7.d1 where l is not null and t is null
select i from root.c7.d1 where i in (1, 3, 9)
select i from root.c7.d1 where i between 2 and 4
select i from root.c7.d1 where i not between 2 and 4
select t from root.c7.d1 where t like 'a%'
select t from root.c7.d1 where t like '_a'
select t from root.c7.d1 where t not like 'a%'
select t from root.c7.d1 where t like 'b\%'
select t from root.c7.d1 where t not regexp '^b.$'
select i from root.c7.*
select i from root.c7.d1, root.c7.d2
select d1.i, d2.i from root.c7
select i from root.c7.d1, root.c7.d2 where i >= 3
select i from root.c7.d1 where time > 100 order by time desc limit 2
select i, l from root.c7.d1 order by l desc nulls last
select nope from root.c7.d1
select * from root.c7.nope
select i, i from root.c7.d1 where time = 100
select count(i) from root.c7.d1 where time > 1000
select i from root.c7.d1 where time > 1970-01-01T00:00:00.300+00:00
select i from root.c7.d1 where time > 100ms
create database root.c8
insert into root.c8.p1.d1(time,s1,s2) values(1,1,10),(2,2,20),(3,3,30)
insert into root.c8.p1.d2(time,s1) values(1,100),(3,300)
insert into root.c8.p2.d1(time,s1,s3) values(2,7,'q')
select * from root.c8.p1.d1
select s1 from root.c8.*.d1
select s1 from root.c8.**
select ** from root.c8
select * from root.c8.**
select s1 from root.c8.p1.d*
select *.s1 from root.c8.p1
select s1 as a, s2 as `b c` from root.c8.p1.d1
select s1 + 1, s1 - s2, s1 * s2, s2 / s1, s2 % 7, -s1 from root.c8.p1.d1
select s1 + 1 as plus, (s1 + s2) * 2 from root.c8.p1.d1
select s1 + s1 from root.c8.p1.*
select s1 / 0 from root.c8.p1.d1
select s1 % 0 from root.c8.p1.d1
select s1 in (1, 2), s1 between 2 and 3, s1 is null from root.c8.p1.d1
select * from root.c8.p1.* limit 1
select * from root.c8.p1.* slimit 1
select * from root.c8.p1.* slimit 1 soffset 9
create database root.c9
insert into root.c9.d1(time,s1,s2) values(1,1,1.5),(2,2,2.5),(3,3,3.5)
insert into root.c9.d2(time,s1,s3) values(1,11,'a'),(4,14,'b')
select s1 from root.c9.* align by device
select s1, s2, s3 from root.c9.* where s1 > 1 align by device
select * from root.c9.* order by time desc align by device
select * from root.c9.* order by device desc, time asc align by device
select * from root.c9.* limit 2 offset 1 align by device
select * from root.c9.* slimit 1 align by device
select count(s1), avg(s1) from root.c9.* align by device
select count(s1) from root.c9.* group by ([0,6),2ms) align by device
select s1 + 1 as x from root.c9.* align by device
select last_value(s1) from root.c9.* align by device
select s2 from root.c9.* align by device
select * from root.c9.nope align by device
insert into root.c9.d3(time,s1) values(1,true)
create database root.c10
create timeseries root.c10.d1.i INT32
create timeseries root.c10.d1.l INT64
create timeseries root.c10.d1.f FLOAT
create timeseries root.c10.d1.d DOUBLE
create timeseries root.c10.d1.b BOOLEAN
create timeseries root.c10.d1.t TEXT
create timeseries root.c10.d1.st STRING
create timeseries root.c10.d1.e INT32
insert into root.c10.d1(time,i,l,f,d,b,t,st) values(1,3,30,1.25,0.5,true,'x','m'),(2,-7,70,-2.5,1.5,false,'y','n'),(3,5,50,4.75,-2.5,true,'a','o'),(4,5,10,0.5,8.0,true,'z','a')
insert into root.c10.d1(time,i) values(5,1)
insert into root.c10.d2(time,i) values(3,40),(6,60)
select count(*) from root.c10.d1
select count(i), sum(i), avg(i), min_value(i), max_value(i), min_time(i), max_time(i), first_value(i), last_value(i) from root.c10.d1
select stddev(i), stddev_pop(i), stddev_samp(i), variance(i), var_pop(i), var_samp(i) from root.c10.d1
select first_value(t), last_value(t), first_value(b), last_value(b), min_time(t), max_time(b) from root.c10.d1
select count(e), sum(e), avg(e), max_value(e), first_value(e) from root.c10.d1
select count_time(*) from root.c10.**
select count_if(i > 0, 1), count_if(b = true, 2) from root.c10.d1
select time_duration(i) from root.c10.d1
select mode(i), mode(b), mode(t) from root.c10.d1
select max_by(t, i), min_by(time, i), max_by(d, f) from root.c10.d1
select max_value(i) - min_value(i), sum(i) / count(i), avg(i) + 1 as a1 from root.c10.d1
select count(i) from root.c10.*
select count(i), count(l) from root.c10.** where time > 2
select count(i) from root.c10.d1 where i > 0
select count(*) from root.c10.** group by level = 2
select count(i), sum(i) from root.c10.** group by level = 1, 3
select avg(i) from root.c10.** group by level = 0
create database root.c11
insert into root.c11.d1(time,s1,s2) values(0,0,0),(1000,1,10),(2000,2,20),(3000,3,30),(4000,4,40),(5000,5,50),(6000,6,60),(9000,9,90)
select count(s1) from root.c11.d1 group by ([0,10000),3s)
select count(s1) from root.c11.d1 group by ((0,10000],3s)
select count(s1) from root.c11.d1 group by ([0,10000),2s,3s)
select count(s1), avg(s1) from root.c11.d1 where s1 > 1 group by ([0,10000),3s)
select count(s1) from root.c11.d1 group by ([0,10000),3s) order by time desc
select count(s1) from root.c11.d1 group by ([0,10000),3s) limit 2 offset 1
select first_value(s1), last_value(s1), min_time(s1), max_time(s1), extreme(s1) from root.c11.d1 group by ([0,10000),5s)
select sum(s1) / count(s1) from root.c11.d1 group by ([0,10000),5s)
insert into root.c11.m(time,s1) values(1704067200000,1),(1706745600000,2),(1706832000000,3),(1709251200000,4),(1711929600000,5),(1714521600000,6)
select count(s1), sum(s1) from root.c11.m group by ([1704067200000,1717200000000),1mo)
select count(s1) from root.c11.m group by ([2024-01-31T00:00:00+00:00,2024-06-01T00:00:00+00:00),1mo)
select count(s1) from root.c11.m group by ([2024-01-01T00:00:00+00:00,2024-06-01T00:00:00+00:00),30d)
select count(s1) from root.c11.d1 group by ([0,10000),3s), level=1
select count(s1) from root.c11.d1 group by ([0,10000),2s) having count(s1) > 1
select count(s1) from root.c11.* group by ([0,10000),5s) having count(s1) >= 2 align by device
select avg(s1) from root.c11.d1 group by ([0,10000),1s) fill(linear)
select count(s1) from root.c11.m group by ([2024-01-31 00:00:00+00:00,2024-06-01 00:00:00+00:00),1mo)
create database root.c12
insert into root.c12.d1(time,s1,s2,b) values(1,1.0,'on',true),(2,1.4,'on',true),(3,2.2,'off',false),(4,2.1,'off',true),(20,9.0,'on',true),(21,9.3,'on',false)
insert into root.c12.d1(time,s1) values(22,9.9)
insert into root.c12.d1(time,s2) values(23,'tail')
select __endTime, avg(s1), count(s2) from root.c12.d1 group by variation(s1)
select avg(s1), count(s2) from root.c12.d1 group by variation(s1, 1.0, ignoreNull=false)
select __endTime, count(s1), avg(s1) from root.c12.d1 group by condition(b = true, KEEP>=2, ignoreNull=true)
select __endTime, count(s1) from root.c12.d1 group by condition(s1 > 2, 2)
select __endTime, count(s1), max_time(s1) from root.c12.d1 group by count(s1, 3, ignoreNull=false)
select avg(s1) from root.c12.d1 group by count(s1, 2) having avg(s1) > 2
create database root.c13
create timeseries root.c13.d1.i INT32
create timeseries root.c13.d1.f FLOAT
create timeseries root.c13.d1.t TEXT
create timeseries root.c13.d1.b BOOLEAN
insert into root.c13.d1(time,i,f,t,b) values(10,1,1.0,'a',true)
insert into root.c13.d1(time,i) values(20,2)
insert into root.c13.d1(time,f) values(30,3.0)
insert into root.c13.d1(time,i,t) values(40,4,'d')
insert into root.c13.d1(time,f,b) values(50,9.0,false)
select * from root.c13.d1 fill(previous)
select i, f from root.c13.d1 fill(linear)
select * from root.c13.d1 fill(linear)
select i, f from root.c13.d1 fill(7)
select * from root.c13.d1 fill(7)
select t from root.c13.d1 fill('zz')
select * from root.c13.d1 fill(true)
select i, f from root.c13.d1 fill(previous, 15ms)
select i, f from root.c13.d1 where time > 10 fill(previous) limit 2
select * from root.c13.* fill(previous) align by device
create database root.c14
insert into root.c14.d1(time,s1,s2) values(1,1,'a'),(2,2,'b'),(5,5,'e')
insert into root.c14.d2(time,s1) values(3,33.5),(9,99.5)
insert into root.c14.al(time,a,b) aligned values(1,1,true),(7,7,null)
select last s1 from root.c14.d1
select last * from root.c14.d1
select last * from root.c14.**
select last s1, s2 from root.c14.d1, root.c14.d2
select last s1 from root.c14.d1 where time >= 6
select last s1 from root.c14.d1 where time < 3
select last * from root.c14.** order by timeseries desc
select last * from root.c14.** order by time desc
select last * from root.c14.** order by value desc
select last * from root.c14.** limit 2
delete from root.c14.d1.s1 where time = 5
select last_value(s1), max_time(s1) from root.c14.*
create database root.c15
create timeseries root.c15.d1.s1 INT32
create timeseries root.c15.d1.s2 DOUBLE
create timeseries root.c15.d1.t TEXT
create timeseries root.c15.d1.b BOOLEAN
create timeseries root.c15.d1.st STRING
insert into root.c15.d1(time,s1,s2,t,b,st) values(1000,1,0.5,'abc',true,'warn:-8721'),(2000,4,-1.5,'xbcx',true,'error:12'),(3000,4,2.25,'ABC ',false,'ok'),(4000,2,-0.25,' pad',false,'err,a,b'),(6000,9,4.0,'abcabc',true,'zz')
select sin(s2), cos(s2), tan(s2), asin(s2/4), acos(s2/4), atan(s2) from root.c15.d1
select abs(s1) from root.c15.d1
select sqrt(s2) from root.c15.d1
select const(s1,'value'='1024','type'='INT64'), pi(s1), e(s1) from root.c15.d1
select top_k(s1,'k'='2'), bottom_k(s1,'k'='2') from root.c15.d1
select top_k(t,'k'='2') from root.c15.d1
select locate(t,'target'='abc','reverse'='true') from root.c15.d1
select concat(t, st, 'target1'='-', 'target2'='!') from root.c15.d1
select concat(t, st, 'target1'='-', 'series_behind'='true') from root.c15.d1
select replace(t,'b','X') from root.c15.d1
select upper(t), lower(t), trim(t) from root.c15.d1
select strcmp(t, st) from root.c15.d1
select change_points(s1) from root.c15.d1
select diff(s1), diff(s2), diff(s1,'ignoreNull'='false') from root.c15.d1
select difference(s1), non_negative_difference(s1) from root.c15.d1
select derivative(s1), non_negative_derivative(s1) from root.c15.d1
select time_difference(s1) from root.c15.d1
select in_range(s1,'lower'='2','upper'='4') from root.c15.d1
select zero_count(s1), non_zero_count(s1), zero_duration(s1), non_zero_duration(s1) from root.c15.d1
select equal_size_bucket_random_sample(s1,'proportion'='0.2') from root.c15.d1
select equal_size_bucket_agg_sample(s2,'type'='avg','proportion'='0.5') from root.c15.d1
select equal_size_bucket_m4_sample(s2,'proportion'='0.8') from root.c15.d1
select equal_size_bucket_outlier_sample(s2,'proportion'='0.5','type'='avg','number'='1') from root.c15.d1
select m4(s2,'timeInterval'='2000','displayWindowBegin'='0','displayWindowEnd'='8000') from root.c15.d1
select abs(sin(s1 + s2)) > 0.5 from root.c15.d1
select jexl(s1,'expr'='x -> {x * 2}') from root.c15.d1
select master_repair(s1, s2) from root.c15.d1
select sin(s1), * from root.c15.d1
select max_value(sin(s2)), avg(abs(s2)) from root.c15.d1
select sin(avg(s2)) from root.c15.d1
create database root.c16
create timeseries root.c16.d1.i INT32
create timeseries root.c16.d1.l INT64
create timeseries root.c16.d1.f FLOAT
create timeseries root.c16.d1.d DOUBLE
create timeseries root.c16.d1.b BOOLEAN
create timeseries root.c16.d1.t TEXT
insert into root.c16.d1(time,i,l,f,d,b,t) values(1,1,10000000000,1.75,-2.5,true,'12'),(2,0,5,-0.25,1e10,false,'3.5'),(3,-7,-1,2.5,0.5,true,'true')
select cast(d as INT64), cast(d as FLOAT), cast(d as TEXT) from root.c16.d1
select cast(t as TEXT) from root.c16.d1
select cast(i, 'type'='DOUBLE') from root.c16.d1
select case when i > 0 then 1 when i = 0 then 2 end as c from root.c16.d1
select case when i > 0 then 1 else 2.5 end from root.c16.d1
select count(case when i > 0 then 1 end) as n from root.c16.d1
select i from root.c16.d1 where case when i > 0 then true else false end
select i from root.c16.d1 where sin(d) > 0
select i from root.c16.d1 where cast(f as INT32) = 2
select i = 1.0, f = 2.5, l > i from root.c16.d1
select i in (1, 0), t in ('12','true'), t like '%.%', t regexp '[0-9]+' from root.c16.d1
select i is null, i is not null from root.c16.d1
create database root.c17
create database root.c17out
insert into root.c17.d1(time,s1,s2) values(1,1,1.5),(2,2,2.5),(3,3,3.5)
insert into root.c17.d2(time,s1) values(1,10),(3,30)
select s1, s2 into root.c17out.d1(a, b) from root.c17.d1
select s1, s2 into root.c17out.::(::) from root.c17.d1
select s1, s2 into root.c17out.${2}(cp_${3}) from root.c17.d1
select count(s1), avg(s2) into root.c17out.agg(c, a) from root.c17.d1 group by ([0,4),2ms)
select * from root.c17out.agg
select s1 + 1 into root.c17out.ex(p) from root.c17.d1
select s1 into aligned root.c17out.al(x) from root.c17.d1
select s1 into root.c17out.${2}_v(::) from root.c17.d1, root.c17.d2 align by device
select * into root.c17out.dev_${2}(::) from root.c17.d1 align by device
select last_value(s1) into root.c17out.lv(x) from root.c17.d1
select s1 into root.nodb17x.d1(a) from root.c17.d1
show devices root.c17out.**
show timeseries root.c17out.**
select * from root.c17out.**
create user amyuser 'amypass1'
create role opsrole
list role
grant read_data on root.c18.** to user amyuser
grant manage_database on root.** to user amyuser
grant write_data on root.c18.** to role opsrole
grant role opsrole to amyuser
list privileges of role opsrole
list user of role opsrole
revoke read_data on root.c18.** from user amyuser
revoke role opsrole from amyuser
alter user amyuser set password 'newpass12'
drop user amyuser
drop role opsrole
show functions
drop pipe if exists nope
create pipe p3 with sink ('sink'='do-nothing-sink')
stop pipe p3
start pipe p3
drop pipe p3
show pipeplugins
show triggers
show cqs
show continuous queries
create cq cq1 resample every 1h begin select count(s1) into root.c19o.d(c) from root.c19.d group by(1h) end
drop cq cq1
create database root.c20
create schema template t1 (temp FLOAT encoding=RLE, status BOOLEAN encoding=PLAIN compressor=SNAPPY)
create device template t2 aligned (lat FLOAT encoding=GORILLA, lon DOUBLE)
show schema templates
show device templates
show nodes in schema template t1
show nodes in device template t2
set schema template t1 to root.c20.sg1
set schema template t2 to root.c20.sg2
show paths set schema template t1
show paths using schema template t1
create timeseries using schema template on root.c20.sg1.d1
create timeseries of schema template on root.c20.sg1.d2
show timeseries root.c20.**
insert into root.c20.sg1.d1(time,temp,status) values(1,1.5,true)
insert into root.c20.sg2.d9(time,lat,lon) aligned values(1,1.5,2.5)
insert into root.c20.sg1.d3(time,temp) values(1,3.5)
select * from root.c20.**
count timeseries root.c20.**
alter device template t1 add (speed DOUBLE, `note` TEXT)
show nodes in device template t1
insert into root.c20.sg1.d3(time,speed) values(2,4.5)
delete timeseries of schema template t1 from root.c20.sg1.d2
deactivate schema template t1 from root.c20.sg1.*
unset schema template t1 from root.c20.sg1
drop schema template t1
create database root.c21
create database root.c21v
insert into root.c21.d1(time,s1,s2) values(1,1,1.5),(2,2,2.5)
insert into root.c21.d2(time,s1) values(1,10),(2,20)
select * from root.c21v.**
select v1 from root.c21v.d1 where v1 > 1
show view root.c21v.**
show timeseries root.c21v.**
insert into root.c21v.d1(time,v1) values(3,3)
select s1 from root.c21.d1
select v1 from root.c21v.d1
show version
flush root.c7
clear cache
set system to readonly
set system to running
insert into root.c22.d1(time,s1) values(1,1)
select s1 from root.c22.d1
set configuration 'enable_auto_create_schema'='false'
set configuration 'enable_auto_create_schema'='true'
SELECT S1 FROM root.c22.d1
select s1 from root.C22.d1
SeLeCt s1 FrOm root.c22.d1
create database root.c23
insert into root.c23.d1(time,s1,t) values(1,1,'a'),(2,2,'b')
select s1 from root.c23.1d
select count(s1) from root.c23.d1 fill(previous)
create timeseries root.c23.d1.`select` INT32
create timeseries root.c23.d1.a_b INT32
create timeseries root.c23.d1.中文 INT32
create timeseries root.c23.`a b`.`c.d` INT32
show timeseries root.c23.**
delete from root.c23.d1 where time < 1
delete database root.*
create database root.c24
create timeseries root.c24.d1.a INT32
create timeseries root.c24.d1.bb BOOLEAN
insert into root.c24.d1(time,a,bb) values(1,1,true),(2,2,false),(3,3,true)
insert into root.c24.d1(time,a) values(5,5),(4,4)
select * from root.c24.d1
insert into root.c24.d1(time,a) values(2,22),(3,null)
select count(a), sum(a), last_value(a) from root.c24.d1
show timeseries root.c24.d1.*
insert into root.c24.d1(time,newint) values(7,2.5)
insert into root.c24.d1(time,newnan) values(7,NaN)
insert into root.c24.d1(time,ndate) values(7,'2024-01-02')
insert into root.c24.`d 2`(time,`m-1`,`99`) values(1,1,2)
select * from root.c24.`d 2`
select * from root.c24.** align by device
count timeseries root.c24.** where time > 0
count devices root.c24.*
show devices where time > 0
select a from root.c24.d1 where a > 1 and a < 5 limit 1
select a from root.c24.d1 where time >= 2 limit 2 offset 1
select a as x from root.c24.d1 where a > 2 order by time desc limit 1
select sum(a) as total from root.c24.d1 having sum(a) > 5000
select first_value(a), last_value(a) from root.c24.d1 where time > 1 and time < 5
select min_time(a), max_time(a) from root.c24.d1 where a > 100
select count(a), max_value(a), avg(a) from root.c24.d1 where a > 100
select avg(a) from root.c24.d1 group by ([1,7),2ms),level=2
select sum(a), count(bb) from root.c24.** group by ([0,8),4ms)
select -a, +a, - -a from root.c24.d1
select a between 2 and 4, a not in (22) from root.c24.d1
delete from root.c24.d1.* where time >= 5 and time <= 6
create timeseries root.c24.d1.newtext INT32
insert into root.c24.al(time,x,y) aligned values(1,1,1.0),(2,2,2.0)
insert into root.c24.al(time,z) aligned values(1,'z1')
delete from root.c24.al.x where time = 1
select * from root.c24.al
delete timeseries root.c24.al.y
set storage group to root.v1
show storage group
show storage group root.v1
count storage group
create timeseries root.v1.d1.s1 with datatype=INT32,encoding=RLE
create timeseries root.v1.d1.s2 with datatype=FLOAT,encoding=GORILLA,compression=SNAPPY
create timeseries root.v1.d1.s3 with datatype=TEXT,encoding=PLAIN
create timeseries root.v1.d1.s4 with datatype=BOOLEAN,encoding=PLAIN
create timeseries root.v1.d2.s1(al1) with datatype=DOUBLE,encoding=GORILLA,compression=SNAPPY tags(unit=c) attributes(owner=amy)
show timeseries root.v1
show timeseries where unit=c
count timeseries root.v1
show devices
show devices root.v1
show child paths root.v1
insert into root.v1.d1(timestamp,s1,s2) values(1,1,1.5)
insert into root.v1.d1(timestamp,s1,s2,s3,s4) values(2,2,2.5,'two',true)
insert into root.v1.d1(timestamp,s1,s3) values(3,3,'three')
insert into root.v1.d1(timestamp,s2,s4) values(4,4.5,false)
insert into root.v1.auto1(timestamp,a,b,c) values(1,1,true,'t')
show timeseries root.v1.auto1
select * from root
select s1,s2 from root.v1.d1 where time >= 2 and s1 < 3
select s1 from root.v1.d1 where time in (1,3)
select * from root.v1.d1 limit 2 offset 1
select * from root.v1.* slimit 1 soffset 1
select s1 from root.v1.* disable align
select count(s1),sum(s1),avg(s1),min_value(s1),max_value(s1),first_value(s1),last_value(s1),min_time(s1),max_time(s1) from root.v1.d1
select count(*) from root.v1
select count(s1),avg(s2) from root.v1.d1 group by ([0,6),2ms)
select count(s1) from root.v1.d1 group by ([0,6),2ms,3ms)
select last_value(s1) from root.v1.d1 group by ([0,8),1ms) fill(int32[previous])
select s1 from root.v1.d1 where time = 4 fill(int32[previous,5ms])
select s1 as a, s2 as b from root.v1.d1
select al1 from root.v1.d2
select sin(s1), abs(s2) from root.v1.d1
select top_k(s1,'k'='2') from root.v1.d1
select nope from root.v1.d1
delete from root.v1.d1.s1 where time < 2
delete timeseries root.v1.d1.s4
show timeseries root.v1.d1
set ttl to root.v1 3600000
unset ttl to root.v1
delete storage group root.v1
create function adder as 'org.example.Adder' using uri 'file:///x.wasm'
drop function adder
select s1, s2 from root.v1.d1 without null any
select s1, s2 from root.v1.d1 without null all (s1, s2) limit 2 align by device
select top 2 s1 from root.v1.d1
